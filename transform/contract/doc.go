// Package contract turns contract files into endpoints with compiled lenses. It is the only
// package that knows the product: which routes the backend has, and where a body says session.
//
// A contract is YAML in a small language of its own (docs/contract.md): tables, shapes and
// endpoints, each with lists of operations told once in the direction session → flow. The
// built-in contract is embedded; operators load further ones beside it. How files become a
// [Contract], in [Load]:
//
//  1. Each file is parsed (yaml.go) into nodes that know their line. What the language has no
//     use for is refused here: anchors, aliases, tags, merge keys, and files without bounds.
//  2. The declarations of all files are put together by name (resolve.go, registry.go): a later
//     file may use what an earlier one declares, replace it, extend an endpoint or switch it off.
//  3. Names are looked up and values of package transform are made (tables.go, shapes.go,
//     operations.go, endpoint.go). A later file's shape reaches the endpoints of earlier files.
//  4. The engine compiles each list of operations and finds what is wrong with it as a
//     declaration; its faults are reported at the lines they come from.
//  5. Two enabled endpoints on one route are refused (routes.go).
//
// All problems come at once, each with file, line, column and a near name, as a [LoadError].
//
// What endpoints make of bodies is checked by [Contract.Check] (check.go): it runs the examples
// and bodies made up from the operations (makeup.go), and holds them to the laws.
//
// To add an endpoint, read one entry of builtin.yaml and write the next; its cases go to
// testdata/endpoints/<endpoint>/<case>/, and TestCases runs them.
package contract
