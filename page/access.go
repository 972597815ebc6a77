package page

func (r *reader) access() {}
