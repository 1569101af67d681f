// Package database opens what crossfade remembers in: a SQLite file, or a schema of a PostgreSQL
// server. It knows connections, transactions, migrations and what their errors mean; what is in
// the tables is for the rooms that own them.
//
//	db, err := database.Open("sqlite:data/crossfade.db", database.Options{}) // says what is wrong with the URL; contacts nobody
//	err = db.Migrate(ctx, files, "flags_migrations")                         // once; later calls cost nothing
//	err = db.Write(ctx, func(tx *sql.Tx) error { … })                        // one transaction
//	err = db.Read(ctx, func(tx *sql.Tx) error { … })                         // one snapshot
//
// Several rooms share one database, each with tables and a version table of its own. A room calls
// Migrate before each operation, so that a process starts, and goes on, while the database is away.
//
// Statements are written once for both: parameters as $1, text, 64-bit integers. Where the dialects
// differ, [DB.Dialect] and [DB.ForUpdate] tell.
//
// Every error can be asked with errors.Is whether it is [ErrUnavailable], [ErrUnknown], [ErrConflict]
// or [ErrDuplicate], and none has a password in it.
package database
