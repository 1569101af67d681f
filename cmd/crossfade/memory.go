package main

import (
	"fmt"

	"go.uber.org/zap"

	"github.com/crossfade-proxy/crossfade/config"
	"github.com/crossfade-proxy/crossfade/internal/database"
	"github.com/crossfade-proxy/crossfade/proxy/flows"
	"github.com/crossfade-proxy/crossfade/proxy/flows/sqlstore"
)

// openDatabase opens where things are kept, nil where nothing is. It contacts nobody.
func openDatabase(c *config.Config) (*database.DB, error) {
	url := c.StoreURL()
	if url == "" {
		return nil, nil
	}
	db, err := database.Open(url, database.Options{})
	if err != nil {
		return nil, fmt.Errorf("store.url: %w", err)
	}
	return db, nil
}

// checkDatabase says what is wrong with the store's settings, nil if nothing is.
func checkDatabase(c *config.Config) error {
	db, err := openDatabase(c)
	if err != nil || db == nil {
		return err
	}
	return db.Close()
}

// openFlows gives the store of flows in a database.
func openFlows(c *config.Config, db *database.DB) (*sqlstore.Store, error) {
	s, err := sqlstore.New(db, sqlstore.Options{Platform: c.Flows.PlatformSchema})
	if err != nil {
		return nil, fmt.Errorf("flows.platform_schema: %w", err)
	}
	return s, nil
}

// newMemory is the memory of flows, nil where none is wanted or nothing can be kept.
func newMemory(c *config.Config, store *sqlstore.Store, logger *zap.Logger) (*flows.Memory, error) {
	if store == nil || !c.Flows.Memory {
		return nil, nil
	}
	sources := make([]flows.Source, len(c.Flows.Sources))
	for i, s := range c.Flows.Sources {
		sources[i] = flows.Source(s)
	}
	return flows.New(flows.Options{
		Store: store, Policy: flows.Policy(c.Flows.Activate), Manage: c.Flows.Manage, Sources: sources,
		SourceTimeout: c.Flows.SourceTimeout, RecallTimeout: c.Flows.RecallTimeout, Grace: c.Flows.ForgetAfter, Logger: logger,
	})
}

// withManaged switches on the endpoints of flow management, where it is wanted, but for those that the operator
// has something to say about.
func withManaged(c *config.Config, enabled map[string]bool) {
	if !c.Flows.Manage {
		return
	}
	for _, name := range flows.Managed() {
		if c.Source("endpoints."+name+".enabled") == "contract" {
			enabled[name] = true
		}
	}
}
