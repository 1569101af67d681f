// Package replicas holds several crossfades that share one store to what they promise about flags, while the machines
// below them fail.
//
// Callers flip a flag through any replica and write down when they asked, when they were answered and
// what the answer was: done and with which version, refused, or nobody knows. Readers ask every replica for the same
// resource, all the time, and write down which shape they got and by which version it was decided. Meanwhile one thing
// after the other is done to replicas, to PostgreSQL and to its disk. What was written down is a [History],
// and [Check] says which of these laws it breaks:
//
//	one shape   every answer is exactly one mode's body, byte for byte, and the header names that mode
//	forward     what one replica serves never goes back, not even when it is killed and starts again
//	bound       a replica that had the stated bound of undisturbed time shows every write that was acknowledged before;
//	            the one that acknowledged it shows it at once
//	kept        a write that was acknowledged is in the journal, with its version, in the order of the acknowledgements
//	whole       a write that was refused is seen nowhere; each version is seen with the stage that the journal has for it,
//	            so one that nobody knows about is there for everybody or for nobody
//	alive       requests are answered by every replica that itself runs, whatever happens to the store
//
// Check has tests of its own, with histories that break each law.
package replicas
