-- The dual shape as an operator would write it for nginx: the body is collected, decoded, completed and
-- encoded again. (An empty list would come out as an object; the documents have none.)
local cjson = require "cjson"
local M = {}

local function flow(s)
  local name = s.name
  for _, prefix in ipairs { "Admin Session - ", "Default Session - " } do
    if name:sub(1, #prefix) == prefix then
      name = "Discovery Flow - " .. name:sub(#prefix + 1)
      break
    end
  end
  return {
    id = s.id, name = name, flow_type = "discovery", status = "active", engagement_id = s.engagement_id,
    created_by = s.created_by, metadata = s.metadata, created_at = s.created_at, updated_at = s.updated_at,
  }
end

function M.dual()
  local ctx = ngx.ctx
  ctx.body = (ctx.body or "") .. (ngx.arg[1] or "")
  if not ngx.arg[2] then
    ngx.arg[1] = nil
    return
  end
  local doc = cjson.decode(ctx.body)
  local flows = {}
  for i, s in ipairs(doc.available_sessions) do
    flows[i] = flow(s)
  end
  doc.active_flows = flows
  doc.current_flow = flow(doc.session)
  ngx.arg[1] = cjson.encode(doc)
end

return M
