package device_test

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// formServer asks for a log-in by a form with a token, and keeps a session.
func formServer(user, pass string) http.Handler {
	const page = `<html><title>Camera</title><form method="post" action="/login"><input type="hidden" name="csrf" value="t0k&amp;n"><input name="u"><input type='password' name="p"><input type=submit value=Go></form>%s</html>`
	m := http.NewServeMux()
	m.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("sid"); err == nil && c.Value == "in" {
			fmt.Fprint(w, "<html><title>Settings</title>Live view and settings.</html>")
			return
		}
		fmt.Fprintf(w, page, "")
	})
	m.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("csrf") != "t0k&n" {
			http.Error(w, "no token", http.StatusBadRequest)
			return
		}
		if r.FormValue("u") == user && r.FormValue("p") == pass {
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: "in"})
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		fmt.Fprintf(w, page, "Invalid user or password")
	})
	return m
}

var wsse = regexp.MustCompile(`(?s)<Username>([^<]*)</Username>.*?>([^<]*)</Password>.*?>([^<]*)</Nonce>.*?>([^<]*)</Created>`)

// onvifServer is an ONVIF device that gives its date to all and the rest to one user.
func onvifServer(user, pass string) http.Handler {
	m := http.NewServeMux()
	envelope := func(w http.ResponseWriter, status int, body string) {
		w.Header().Set("Content-Type", "application/soap+xml")
		w.WriteHeader(status)
		fmt.Fprint(w, `<?xml version="1.0"?><env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope" xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:tt="http://www.onvif.org/ver10/schema"><env:Body>`+body+`</env:Body></env:Envelope>`)
	}
	m.HandleFunc("POST /onvif/device_service", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<16))
		text := string(body)
		if strings.Contains(text, "GetSystemDateAndTime") {
			envelope(w, 200, `<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:UTCDateTime><tt:Time><tt:Hour>3</tt:Hour><tt:Minute>4</tt:Minute><tt:Second>5</tt:Second></tt:Time><tt:Date><tt:Year>2020</tt:Year><tt:Month>1</tt:Month><tt:Day>2</tt:Day></tt:Date></tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>`)
			return
		}
		if f := wsse.FindStringSubmatch(text); f != nil && f[1] == user && strings.HasPrefix(f[4], "2020-01-02T03:0") {
			nonce, _ := base64.StdEncoding.DecodeString(f[3])
			sum := sha1.Sum([]byte(string(nonce) + f[4] + pass))
			if base64.StdEncoding.EncodeToString(sum[:]) == f[2] {
				envelope(w, 200, `<tds:GetDeviceInformationResponse><tds:Manufacturer>Acme</tds:Manufacturer><tds:Model>Cam 1</tds:Model><tds:FirmwareVersion>1.2</tds:FirmwareVersion></tds:GetDeviceInformationResponse>`)
				return
			}
		}
		envelope(w, 400, `<env:Fault><env:Code><env:Value>env:Sender</env:Value><env:Subcode><env:Value>ter:NotAuthorized</env:Value></env:Subcode></env:Code></env:Fault>`)
	})
	return m
}
