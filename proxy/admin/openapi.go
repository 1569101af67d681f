package admin

import _ "embed"

// openAPI describes the API; openapi_test.go holds it to what is served, both ways.
//
//go:embed openapi.yaml
var openAPI string

// description gives the document.
func (*api) description(*call) (reply, error) {
	return reply{text: openAPI, kind: "application/yaml"}, nil
}
