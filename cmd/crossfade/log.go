package main

import (
	"io"
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/crossfade-proxy/crossfade/config"
)

// newLogger logs to w, at a level that may be changed while it runs.
func newLogger(w io.Writer, c config.Log) (*zap.Logger, zap.AtomicLevel) {
	level := zap.NewAtomicLevelAt(logLevel(c))
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
	return zap.New(zapcore.NewCore(core, zapcore.Lock(zapcore.AddSync(w)), level)), level
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
