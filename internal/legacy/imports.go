package legacy

import (
	"fmt"
	"net/http"
)

// importSchema is that of both imports. The rows are customers' own: any members, in any words.
func importSchema() check {
	return schema(
		required("file_data", listOf(anyObject)),
		required("metadata", schema(
			required("filename", anyText),
			required("size", integer),
			required("type", anyText),
		)),
		required("upload_context", schema(
			required("intended_type", anyText),
			optional("validation_session_id", orNull(anyText)),
			optional("validation_upload_id", orNull(anyText)),
			optional("validation_id", orNull(anyText)),
			required("upload_timestamp", anyText),
		)),
		optional("client_id", orNull(anyText)),
		optional("engagement_id", orNull(anyText)),
	)
}

func (b *backend) storeImport(c *call) (any, error) {
	in := c.input()
	upload := in.at("upload_context")
	validated := upload.text("validation_id") != "" || upload.text("validation_upload_id") != "" ||
		upload.text("validation_session_id") != ""
	if !validated || c.tenant.user == "" {
		// Meant to be a 400; everything that goes wrong in here comes out as a failed task.
		return nil, taskError("data_import_storage")
	}
	stored := &dataImport{
		id:       b.newID(),
		filename: in.at("metadata").text("filename"),
		kind:     upload.text("intended_type"),
		stored:   b.now(),
		rows:     in.list("file_data"),
	}
	f := &flow{
		id: b.newID(), kind: "discovery", name: "Discovery " + stored.filename,
		client: c.tenant.client, owner: c.tenant.user,
		configuration: object{{"data_import_id", stored.id}}, created: b.now(),
	}
	stored.flow = f.id
	b.store.imports = append(b.store.imports, stored)
	b.store.flows = append(b.store.flows, f)
	return object{
		{"success", true},
		{"message", "Data imported and discovery flow initiated"},
		{"data_import_id", stored.id},
		{"flow_id", f.id},
		{"total_records", len(stored.rows)},
		{"import_type", stored.kind},
	}, nil
}

// cleanImport takes the same body as storeImport, and does not ask for a validation.
func (b *backend) cleanImport(c *call) (any, error) {
	rows := c.input().list("file_data")
	records := make([]any, len(rows))
	for i, row := range rows {
		records[i] = object{{"row_number", i + 1}, {"data", row}}
	}
	return object{
		{"success", true},
		{"message", fmt.Sprintf("Imported %d records", len(rows))},
		{"data", object{{"import_id", b.newID()}, {"records", records}}},
	}, nil
}

func (i *dataImport) metadata() object {
	return object{
		{"filename", i.filename},
		{"import_type", i.kind},
		{"imported_at", offset(i.stored)},
		{"total_records", len(i.rows)},
		{"status", "discovery_initiated"},
	}
}

func (b *backend) latestImport(*call) (any, error) {
	if len(b.store.imports) == 0 {
		return object{
			{"success", false},
			{"message", "No data import found"},
			{"import_metadata", nil},
			{"data", []any{}},
		}, nil
	}
	latest := b.store.imports[len(b.store.imports)-1]
	return object{
		{"success", true},
		{"message", "Latest data import"},
		{"import_metadata", latest.metadata()},
		{"data", latest.rows},
	}, nil
}

func (b *backend) getImport(c *call) (any, error) {
	for _, i := range b.store.imports {
		if i.id == c.vars["id"] {
			return object{
				{"success", true},
				{"data_import_id", i.id},
				{"import_metadata", i.metadata()},
				{"data", i.rows},
			}, nil
		}
	}
	return nil, fail(http.StatusNotFound, "Data import %s not found", c.vars["id"])
}

func (b *backend) importOfFlow(c *call) (any, error) {
	for _, i := range b.store.imports {
		if i.flow == c.vars["id"] {
			return object{
				{"success", true},
				{"flow_id", i.flow},
				{"import_metadata", i.metadata()},
				{"data", i.rows},
			}, nil
		}
	}
	return nil, fail(http.StatusNotFound, "No data import for flow %s", c.vars["id"])
}
