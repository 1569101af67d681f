// Runs one half of http-cache-tests, whose directory is the second argument:
//
//	node cachetests.mjs server DIR        its server, on a free port of 127.0.0.1; prints the port
//	node cachetests.mjs client DIR BASE   its client against BASE; prints the results as JSON
//
// Both keep to the loopback address and need nothing beside the package and Node's own fetch.
import http from 'node:http'
import path from 'node:path'
import process from 'node:process'

const [half, dir, base] = process.argv.slice(2)
const load = file => import(path.resolve(dir, file))

if (half === 'server') {
  const handlers = {}
  for (const name of ['config', 'state', 'test']) {
    handlers[name] = (await load(`server/handle-${name}.mjs`)).default
  }
  const server = http.createServer((request, response) => {
    const segments = new URL(request.url, 'http://127.0.0.1/').pathname.split('/').slice(1)
    const handle = handlers[segments.shift()]
    if (handle) {
      handle(segments, request, response)
    } else {
      response.writeHead(404).end()
    }
  })
  server.listen(0, '127.0.0.1', () => console.log(server.address().port))
} else {
  const { runTests, getResults } = await load('client/runner.mjs')
  const tests = (await load('tests/index.mjs')).default
  tests.push((await load('tests/surrogate-control.mjs')).default)
  await runTests(tests, fetch, false, base)
  console.log(JSON.stringify(getResults()))
}
