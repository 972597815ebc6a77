package device

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// description is what a UPnP device says of itself (UPnP Device Architecture 2.3).
type description struct {
	Name, Make, Model, Number, Serial string
	Services                          []string
}

func (d *description) words() []string {
	out := []string{"UPnP device: " + strings.Join(nonEmpty(d.Name, d.Make, d.Model, d.Number), ", ")}
	if d.Serial != "" {
		out = append(out, "it tells everybody its serial number")
	}
	if len(d.Services) > 0 {
		out = append(out, "UPnP services: "+strings.Join(d.Services, ", "))
	}
	return out
}

// located reads the description to which an answer by SSDP points, where that is
// this very device, without TLS.
func (s *Session) located(ctx context.Context, v *Service) {
	u, err := url.Parse(v.seen.location)
	if err != nil || u.Scheme != "http" || u.User != nil {
		return
	}
	at, err := netip.ParseAddr(u.Hostname())
	if err != nil || at.Unmap() != s.addr.WithZone("") {
		v.Details = append(v.Details, "the description is said to be at another address, which was not asked")
		return
	}
	port, err := strconv.Atoi(cmp.Or(u.Port(), "80"))
	if err != nil || port < 1 || port > maxPort || strings.ContainsAny(u.RequestURI(), "\r\n ") {
		return
	}
	r, err := s.do(ctx, request{probe: "upnp description", port: port, path: u.RequestURI()})
	if err != nil || r.status != http.StatusOK {
		return
	}
	if d, err := parseUPnP(r.body); err == nil {
		v.Details = append(v.Details, d.words()...)
	}
}

func nonEmpty(texts ...string) []string {
	var out []string
	for _, t := range texts {
		if t != "" {
			out = append(out, t)
		}
	}
	return out
}

var errXML = errors.New("this is not the document that was expected")

// Bounds of an XML document. Its size is bounded by whoever fetched it.
const (
	maxDepth = 32
	maxNodes = 4000
)

// elements walks an XML document and calls f with the path of local names, joined
// by slashes, and the text of each element that has any. Entities are not
// resolved, and documents with a DTD are refused.
func elements(b []byte, f func(path, text string)) error {
	d := xml.NewDecoder(bytes.NewReader(b))
	d.Strict = true
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // what is not UTF-8 shows as such
	var path []string
	for n := 0; ; n++ {
		t, err := d.Token()
		if errors.Is(err, io.EOF) && len(path) == 0 && n > 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errXML, err)
		}
		if n > maxNodes {
			return fmt.Errorf("%w: more than %d parts", errXML, maxNodes)
		}
		switch t := t.(type) {
		case xml.Directive:
			return fmt.Errorf("%w: it has a document type", errXML)
		case xml.StartElement:
			if path = append(path, t.Name.Local); len(path) > maxDepth {
				return fmt.Errorf("%w: deeper than %d", errXML, maxDepth)
			}
		case xml.EndElement:
			path = path[:max(0, len(path)-1)]
		case xml.CharData:
			if text := strings.TrimSpace(string(t)); text != "" && len(path) > 0 {
				f(strings.Join(path, "/"), printable([]byte(text), 200))
			}
		}
	}
}

func parseUPnP(b []byte) (*description, error) {
	var d description
	err := elements(b, func(path, text string) {
		set := func(to *string) {
			if *to == "" {
				*to = text
			}
		}
		switch path {
		case "root/device/friendlyName":
			set(&d.Name)
		case "root/device/manufacturer":
			set(&d.Make)
		case "root/device/modelName":
			set(&d.Model)
		case "root/device/modelNumber":
			set(&d.Number)
		case "root/device/serialNumber":
			set(&d.Serial)
		case "root/device/serviceList/service/serviceType":
			if len(d.Services) < 20 {
				d.Services = append(d.Services, strings.TrimPrefix(text, "urn:"))
			}
		}
	})
	if err == nil && d.Name == "" && d.Model == "" {
		err = errXML
	}
	return &d, err
}

// parseWSD reads the answer to a WS-Discovery probe: the addresses and the scopes.
func parseWSD(b []byte) (addresses, scopes []string, err error) {
	err = elements(b, func(path, text string) {
		if !strings.HasPrefix(path, "Envelope/Body/ProbeMatches/ProbeMatch/") {
			return
		}
		switch {
		case strings.HasSuffix(path, "/XAddrs"):
			addresses = append(addresses, strings.Fields(text)...)
		case strings.HasSuffix(path, "/Scopes"):
			scopes = append(scopes, strings.Fields(text)...)
		}
	})
	if err == nil && len(addresses) == 0 && len(scopes) == 0 {
		err = errXML
	}
	return addresses, scopes, err
}

// parseONVIF reads what an ONVIF service answers: device information, or the code
// of a fault.
func parseONVIF(b []byte) (info map[string]string, fault string, err error) {
	info = map[string]string{}
	envelope := false
	err = elements(b, func(path, text string) {
		envelope = envelope || strings.HasPrefix(path, "Envelope/")
		if key, ok := strings.CutPrefix(path, "Envelope/Body/GetDeviceInformationResponse/"); ok && !strings.Contains(key, "/") {
			info[key] = text
		}
		if key, ok := strings.CutPrefix(path, "Envelope/Body/GetSystemDateAndTimeResponse/SystemDateAndTime/UTCDateTime/"); ok {
			info[key] = text
		}
		if strings.HasPrefix(path, "Envelope/Body/Fault/") {
			fault += " " + text
		}
	})
	if err == nil && !envelope {
		err = errXML
	}
	return info, strings.TrimSpace(fault), err
}

// soap writes an ONVIF request; security is a header, or empty.
func soap(security, body string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header>` + security +
		`</s:Header><s:Body>` + body + `</s:Body></s:Envelope>`
}

const (
	onvifPath = "/onvif/device_service"
	onvifTime = `<GetSystemDateAndTime xmlns="http://www.onvif.org/ver10/device/wsdl"/>`
	onvifInfo = `<GetDeviceInformation xmlns="http://www.onvif.org/ver10/device/wsdl"/>`
	soapType  = "application/soap+xml; charset=utf-8"
)

// onvifDetails asks a web server whether it is also an ONVIF device: the date is
// given without a log-in (ONVIF Core Specification 5.9.4.3).
func (s *Session) onvifDetails(ctx context.Context, v *Service) {
	q := request{probe: "onvif date", port: v.Port, tls: v.seen.tls, method: http.MethodPost, path: onvifPath, headers: map[string]string{"Content-Type": soapType}, body: soap("", onvifTime)}
	r, err := s.do(ctx, q)
	if err != nil || !bytes.Contains(r.body, []byte("Envelope")) {
		return
	}
	if _, _, err := parseONVIF(r.body); err != nil {
		return
	}
	v.seen.onvif, v.seen.onvifAt = r, s.o.Clock.Now()
	v.Details = append(v.Details, "ONVIF device at "+onvifPath)
}
