package password

import "context"

func (f *finder) constructions(ctx context.Context) error { return ctx.Err() }
