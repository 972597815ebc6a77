package password

import "context"

func (f *finder) salted(ctx context.Context, goals []*goal, usual []message) error { return ctx.Err() }
func (f *finder) clockSeeds(ctx context.Context, goals []*goal) error              { return ctx.Err() }
func (f *finder) seeded() []producer                                              { return nil }
