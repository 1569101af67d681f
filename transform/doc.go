// Package transform maps JSON bodies between two shapes by lenses.
//
// A [Lens] is a compiled list of operations ([Op]): a closed set of small values, each told
// in the direction session → flow. From the one list come the way back, the union of both
// shapes, the names that only one shape has and what is lost between them. The package
// knows bytes and JSON; it knows no HTTP, no YAML and no product.
//
// How a body goes through, in [Lens.Map]:
//
//  1. One pass over the body checks all of its JSON and follows the program (program.go),
//     a tree of the members that matter. Everything else is only scanned (scan.go).
//  2. A member that matters adds edits to a list in order of position: cut these bytes, put
//     a name here, a copy of those bytes there (edit.go).
//  3. An object or list that gets another shape is written aside, member by member, from the
//     places where its values stand (shape.go, read.go, write.go); spans are copied, nothing is decoded.
//     Objects that are spelled like the last one of their kind take a shorter way (layout.go,
//     plan.go), which only makes it faster: Plain in the tests is the way without it.
//  4. When the body has been read to its end without a fault, and only then, the edits are
//     applied: the result is the body's own bytes with the edits in between (run.go).
//
// In the Union form an edit only puts in, so that every byte of the body is kept, in order. So:
//
//   - numbers keep their text, strings their spelling, members their order, white space its place;
//   - names are compared as what they mean: "sess\u0069on" is session, "Session" is not;
//   - a member that an operation needs and that is there twice is refused, never lost (ErrDuplicate);
//   - the same name in another place of the body is another name;
//   - if the new name is there already it wins, and nothing is doubled; a body that has only
//     new names is Native and stays as it is;
//   - a fault anywhere is an error that tells endpoint, side, direction, operation and place,
//     and no result at all.
//
// A body whose union only adds at the end of the root need not be there as a whole: a [Stream] gives its bytes as they
// come (stream.go). A scanner that can stop anywhere (push.go) finds where members and elements end
// (streamparse.go, streamrows.go), and each goes the way above when it is there.
//
// Strings may hold any byte from 0x20 up: invalid UTF-8 and lone surrogates are the sender's
// and pass as they came. A byte order mark is no JSON and is refused. Nesting is bounded by
// Job.MaxDepth, the length of a body by 2 GiB. Beside the result, a mapping takes about as
// much memory as the body where shapes are made of it, and 40 bytes for each edit: one for a
// member that is renamed or taken away, two for one that is added.
package transform
