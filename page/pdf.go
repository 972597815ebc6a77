package page

import "context"

func readPDF(ctx context.Context, d *Document, data []byte, l Limits) error  { return ErrUnsupported }
func readDOCX(ctx context.Context, d *Document, data []byte, l Limits) error { return ErrUnsupported }
