package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/crossfade-proxy/crossfade/config"
)

// newLogger logs to w until its lines are closed, at a level that may be changed while it runs.
func newLogger(w io.Writer, c config.Log) (logger *zap.Logger, level zap.AtomicLevel, lines *logWriter) {
	level = zap.NewAtomicLevelAt(logLevel(c))
	encoder := zap.NewProductionEncoderConfig()
	encoder.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	encoder.TimeKey = "time"
	encoder.MessageKey = "message"
	core := zapcore.NewJSONEncoder(encoder)
	if c.Format == "console" || c.Format == "auto" && isTerminal(w) {
		encoder.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		encoder.EncodeLevel = zapcore.CapitalLevelEncoder
		core = zapcore.NewConsoleEncoder(encoder)
	}
	lines = newLogWriter(w)
	return zap.New(zapcore.NewCore(core, lines, level)), level, lines
}

// logLevel is the level of a configuration, which has been checked.
func logLevel(c config.Log) zapcore.Level {
	level, err := zapcore.ParseLevel(c.Level)
	if err != nil {
		return zapcore.InfoLevel
	}
	return level
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// redirectStdLog brings what libraries say through package log into our log, as warnings, until
// restore is called. That is net/http, of an upstream that sends more than it announced.
func redirectStdLog(logger *zap.Logger) (restore func(), err error) {
	without := zap.WrapCore(func(core zapcore.Core) zapcore.Core { return withoutBytes{core} })
	restore, err = zap.RedirectStdLogAt(logger.Named("http").WithOptions(without), zapcore.WarnLevel)
	if err != nil {
		return nil, fmt.Errorf("redirect package log: %w", err)
	}
	return restore, nil
}

// withoutBytes keeps out of the log what net/http quotes of the bytes that it found: they may be
// of anybody's answer.
type withoutBytes struct{ zapcore.Core }

func (c withoutBytes) With(fields []zapcore.Field) zapcore.Core {
	return withoutBytes{c.Core.With(fields)}
}

func (c withoutBytes) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return checked.AddCore(e, c)
	}
	return checked
}

func (c withoutBytes) Write(e zapcore.Entry, fields []zapcore.Field) error {
	e.Message, _, _ = strings.Cut(e.Message, " starting with ")
	return c.Core.Write(e, fields)
}
