package register

import (
	"context"
	"errors"
	"fmt"

	"github.com/assay-psti/assay"
)

// TestDeed is something that is done to a test of a laboratory. The tests themselves are
// package laboratory's; who may do what, and the trail of it, are kept here.
type TestDeed string

// The deeds.
const (
	TestBegun     TestDeed = "test.begun"
	TestPaused    TestDeed = "test.paused"
	TestContinued TestDeed = "test.continued"
	TestArchived  TestDeed = "test.archived"
	TestDeleted   TestDeed = "test.deleted"
	TestForm      TestDeed = "test.form"    // a form was taken in, drafted or signed
	TestCovered   TestDeed = "test.covered" // evidence from elsewhere was accepted, or taken back
	TestTaken     TestDeed = "test.taken"   // its dossier was saved
)

// NoteTest asks for the right to a deed and puts it into the audit trail; it comes
// before the deed itself. Answers at the bench are not noted here: the dossier says of
// each who gave it and when.
func (s *Service) NoteTest(ctx context.Context, v Viewer, deed TestDeed, id string, detail map[string]any) error {
	action := RunTests
	switch deed {
	case TestDeleted:
		action = DeleteTests
	case TestTaken:
		action = SeeTests
	}
	if err := v.must(action); err != nil {
		return err
	}
	return s.Store.Write(ctx, func(w Writer) error {
		return w.AddEvent(ctx, s.event(v, string(deed), id, detail))
	})
}

// SettingTests names the folder of tests that belongs to this register.
const SettingTests = "tests.folder"

// HoldTests holds the folder of tests that a process has against the one that the
// register had before: two processes with two folders would each show half.
func (s *Service) HoldTests(ctx context.Context, folder string) error {
	return s.Store.Write(ctx, func(w Writer) error {
		known, err := w.Setting(ctx, SettingTests)
		switch {
		case errors.Is(err, assay.ErrNotFound):
			return w.PutSetting(ctx, SettingTests, folder)
		case err != nil:
			return fmt.Errorf("folder of tests: %w", err)
		case known != folder:
			return &assay.Problem{Kind: assay.ErrConflict, Where: "the folder of laboratories’ tests", What: "is not the one that this register has", Do: "name that one with --tests; all processes on one database share it"}
		}
		return nil
	})
}
