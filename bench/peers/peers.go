package main

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"text/template"
)

//go:embed files
var files embed.FS

// peer is one program in one mode.
type peer struct {
	name, mode string
	// command gives the program that serves on port and asks upstream, both on 127.0.0.1. dir is a scratch folder of its own.
	command func(dir string, port, upstream int) ([]string, error)
}

// peers are what crossfade is compared with, and crossfade. binary is crossfade's, self this program's.
func peers(crossfade, self string) []peer {
	all := []peer{
		{"ReverseProxy", "passthrough", func(_ string, port, upstream int) ([]string, error) {
			return []string{self, "-reverse", fmt.Sprintf("127.0.0.1:%d", port), "-upstream", fmt.Sprintf("127.0.0.1:%d", upstream)}, nil
		}},
		{"nginx", "passthrough", nginx(false)},
		{"haproxy", "passthrough", func(dir string, port, upstream int) ([]string, error) {
			path, err := render(dir, "haproxy.cfg", settings{Port: port, Upstream: upstream})
			return []string{"haproxy", "-q", "-db", "-f", path}, err
		}},
		{"nginx with Lua", "dual", nginx(true)},
	}
	for _, mode := range []string{"passthrough", "dual", "flow_only"} {
		all = append(all, peer{"crossfade", mode, func(dir string, port, upstream int) ([]string, error) {
			config := filepath.Join(dir, "proxy.yaml")
			text := fmt.Sprintf("version: 1\nmode: %s\nserver: {listen: '127.0.0.1:%d'}\nadmin: {listen: ''}\nupstream: {url: 'http://127.0.0.1:%d'}\nlog: {level: warn}\ndata_dir: ''\n", mode, port, upstream)
			return []string{crossfade, "serve", "--config", config}, os.WriteFile(config, []byte(text), 0o600)
		}})
	}
	return all
}

// settings fill the templates.
type settings struct {
	Dir            string
	Port, Upstream int
	Documents      string // of the upstream: where the bodies are
	Lua, Root      bool
}

func nginx(lua bool) func(dir string, port, upstream int) ([]string, error) {
	return func(dir string, port, upstream int) ([]string, error) {
		if lua {
			if _, err := render(dir, "flows.lua", settings{}); err != nil {
				return nil, err
			}
		}
		return nginxCommand(dir, settings{Port: port, Upstream: upstream, Lua: lua})
	}
}

// nginxCommand writes nginx.conf for the settings.
func nginxCommand(dir string, s settings) ([]string, error) {
	s.Dir, s.Root = dir, os.Geteuid() == 0
	path, err := render(dir, "nginx.conf", s)
	return []string{"nginx", "-p", dir, "-c", path, "-g", "daemon off;"}, err
}

// render fills a template into dir and gives the path of what it wrote.
func render(dir, name string, s settings) (string, error) {
	t, err := template.ParseFS(files, "files/"+name)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	return path, errors.Join(t.Execute(f, s), f.Close())
}

// needed says which programs are missing.
func needed() error {
	for _, name := range []string{"nginx", "haproxy", "wrk", "taskset"} {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("%w: bench/install.sh installs what the comparison needs", err)
		}
	}
	return nil
}
