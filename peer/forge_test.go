package peer

import (
	"crypto/x509"
	"errors"
	"testing"
	"time"
)

// TestEachCaseHasOneFault holds each certificate against the rule that it breaks, and
// that with this rule set aside nothing speaks against it.
func TestEachCaseHasOneFault(t *testing.T) {
	_, _, ca := testAuthority(t)
	now := time.Now()
	f, err := newForge(func() time.Time { return now }, sharedKeys(), ca, nil)
	if err != nil {
		t.Fatal(err)
	}
	const name = "api.example.com"
	invalid := func(reason x509.InvalidReason) func(error) bool {
		return func(err error) bool {
			var e x509.CertificateInvalidError
			return errors.As(err, &e) && e.Reason == reason
		}
	}
	unknown := func(err error) bool { var e x509.UnknownAuthorityError; return errors.As(err, &e) }
	for _, row := range []struct {
		Case
		fault func(error) bool                                               // what the strict reading says
		mend  func(*x509.VerifyOptions, *x509.CertPool, []*x509.Certificate) // sets the rule aside
	}{
		{Control, nil, nil},
		{SelfSigned, unknown, func(o *x509.VerifyOptions, p *x509.CertPool, chain []*x509.Certificate) { p.AddCert(chain[0]) }},
		{UnknownCA, unknown, func(o *x509.VerifyOptions, p *x509.CertPool, chain []*x509.Certificate) { p.AddCert(chain[1]) }},
		{WrongName, func(err error) bool { var e x509.HostnameError; return errors.As(err, &e) }, func(o *x509.VerifyOptions, _ *x509.CertPool, _ []*x509.Certificate) { o.DNSName = "" }},
		{Expired, invalid(x509.Expired), func(o *x509.VerifyOptions, _ *x509.CertPool, chain []*x509.Certificate) {
			o.CurrentTime = chain[0].NotAfter
		}},
		{NotYetValid, invalid(x509.Expired), func(o *x509.VerifyOptions, _ *x509.CertPool, chain []*x509.Certificate) {
			o.CurrentTime = chain[0].NotBefore
		}},
		{WrongUse, invalid(x509.IncompatibleUsage), func(o *x509.VerifyOptions, _ *x509.CertPool, _ []*x509.Certificate) {
			o.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
		}},
		{NoAuthority, func(err error) bool { return invalid(x509.NotAuthorizedToSign)(err) || unknown(err) }, nil},
	} {
		for kind := range keyKinds {
			made, err := f.certificate(row.Case, name, kind)
			if err != nil {
				t.Fatal(err)
			}
			var chain []*x509.Certificate
			for _, der := range made.Certificate {
				c, err := x509.ParseCertificate(der)
				if err != nil {
					t.Fatal(err)
				}
				chain = append(chain, c)
			}
			roots, between := x509.NewCertPool(), x509.NewCertPool()
			roots.AddCert(ca.certificate)
			for _, c := range chain[1:] {
				between.AddCert(c)
			}
			o := x509.VerifyOptions{Roots: roots, Intermediates: between, DNSName: name, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
			_, err = chain[0].Verify(o)
			if (err == nil) != (row.fault == nil) || err != nil && !row.fault(err) {
				t.Errorf("%s: got %v", row.Case, err)
			}
			if row.mend == nil {
				continue
			}
			row.mend(&o, roots, chain)
			if _, err = chain[0].Verify(o); err != nil {
				t.Errorf("%s has another fault: %v", row.Case, err)
			}
		}
	}
	// The chain of the case in which one signs that may not is whole in its signatures.
	made, err := f.certificate(NoAuthority, name, rsaKey)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(made.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	middle, err := x509.ParseCertificate(made.Certificate[1])
	if err != nil {
		t.Fatal(err)
	}
	if middle.IsCA || middle.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) != nil ||
		ca.certificate.CheckSignature(middle.SignatureAlgorithm, middle.RawTBSCertificate, middle.Signature) != nil || leaf.VerifyHostname(name) != nil {
		t.Error("it has another fault")
	}
}

func TestNothingIsMadeWithoutAnAuthority(t *testing.T) {
	f, err := newForge(time.Now, sharedKeys(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range append([]Case{Control}, wrongCases...) {
		if _, err := f.certificate(c, "api.example.com", rsaKey); err == nil {
			t.Errorf("%s was made", c)
		}
	}
}
