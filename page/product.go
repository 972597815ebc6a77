package page

func modelsIn(scope string) []string { return nil }
func allProducts(scope string) bool  { return false }
