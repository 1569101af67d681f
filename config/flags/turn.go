package flags

import "time"

type turn struct {
	before, after State
	author        Author
	around        Surroundings
	now           time.Time
	entry         Entry
}

func (t *turn) checkAuthor() error { return nil }

func (c SetFlag) subject() string       { return c.Flag.Endpoint }
func (c RemoveFlag) subject() string    { return c.Endpoint }
func (c StartRamp) subject() string     { return c.Endpoint }
func (c PauseRamp) subject() string     { return c.Endpoint }
func (c ResumeRamp) subject() string    { return c.Endpoint }
func (c StartBrownout) subject() string { return c.Endpoint }
func (c EndBrownout) subject() string   { return c.Endpoint }
func (SwitchKill) subject() string      { return "" }
func (AddFreeze) subject() string       { return "" }
func (RemoveFreeze) subject() string    { return "" }
func (Undo) subject() string            { return "" }

func (SetFlag) apply(*turn) error       { panic("soon") }
func (RemoveFlag) apply(*turn) error    { panic("soon") }
func (StartRamp) apply(*turn) error     { panic("soon") }
func (PauseRamp) apply(*turn) error     { panic("soon") }
func (ResumeRamp) apply(*turn) error    { panic("soon") }
func (StartBrownout) apply(*turn) error { panic("soon") }
func (EndBrownout) apply(*turn) error   { panic("soon") }
func (SwitchKill) apply(*turn) error    { panic("soon") }
func (AddFreeze) apply(*turn) error     { panic("soon") }
func (RemoveFreeze) apply(*turn) error  { panic("soon") }
func (Undo) apply(*turn) error          { panic("soon") }
