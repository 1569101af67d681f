// Package flags decides which stage of the migration a request gets, and keeps what operators say
// about it while crossfade runs.
//
// A [Flag] is the stage of one endpoint, or of all that have none of their own, with [Rule]s for
// cohorts. All that operators have set at run time is one [State] with one version; a [Change] turns a
// State into the next one, or says why not; a [Store] keeps States and the journal of what led to them.
// [Live] holds the State of this moment as an immutable snapshot behind one atomic pointer, decides from it,
// and follows the store.
//
// The package knows header fields as a map of lists of text, never HTTP: cmd hands over what a
// decision may look at, as a [Request].
package flags
