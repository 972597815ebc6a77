// Package browser shows a page as a buyer sees it: in a real Chromium, with an
// empty profile, and measures where things stand on it.
//
// It is for public pages. The browser reaches the network through a door of our
// own, which lets it speak to the page's host alone, through the caller's dialer,
// and counts the bytes. It logs in nowhere and clicks nothing; what shows only
// after a click is said to be hidden. Whether what was measured is prominent
// enough, the package does not say.
package browser

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
)

// Options say how a page is shown. Dial must be given.
type Options struct {
	Path     string        // of Chromium; "" means that it is found by name
	Timeout  time.Duration // for all of it; 0 means 60 s
	MaxBytes int64         // over the network, both ways; 0 means 64 MiB
	Width    int           // of the window, CSS pixels; 0 means 1280
	Height   int           // 0 means 900

	// Dial makes each connection of the browser. It is where addresses are refused.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// ErrNoBrowser says that no Chromium was found.
var ErrNoBrowser = errors.New("no Chromium was found; install the package chromium")

// Seek is a text that is looked for on the page.
type Seek struct {
	Name string `json:"name"` // of the mark that is made of it
	Text string `json:"text"`
}

// Mark is where something stands on the page, in CSS pixels from its top left.
type Mark struct {
	Name     string  `json:"name"` // of the Seek, or: title, price, buy, characteristics
	Text     string  `json:"text"`
	Found    bool    `json:"found"`
	Hidden   string  `json:"hidden,omitempty"` // why it does not show when the page opens; "" where it does
	X        float64 `json:"x"`
	Y        float64 `json:"y"`
	Width    float64 `json:"width"`
	Height   float64 `json:"height"`
	Font     float64 `json:"font"`           // size in pixels
	Weight   float64 `json:"weight"`         // 400 is regular
	Contrast float64 `json:"contrast"`       // of text and ground (WCAG 2.2); 0 where it cannot be told
	Block    string  `json:"block"`          // the smallest element that holds it and the characteristics: "ul", "main"
	Size     float64 `json:"block_height"`   // of that element
	Words    int     `json:"words_in_block"` // of its text
}

// Rendering is a page as it was shown.
type Rendering struct {
	Title    string
	Final    string // where the page stood in the end
	DOM      string // as HTML, after scripts ran
	Picture  []byte // PNG of the whole page
	Outlined []byte // the same with every mark outlined
	Marks    []Mark
	Window   [2]int // width and height
	Images   int    // pictures, frames and the like, large enough to carry text that is not in DOM
	Covered  bool   // something fixed stands in front of most of the window
	Refused  int    // requests to other hosts that were not let through
}

// Bounds.
const (
	maxDOM    = 32 << 20
	maxHeight = 20_000 // of a picture, CSS pixels
)

// Find finds Chromium by name.
func Find() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNoBrowser
}

//go:embed measure.js
var measure string

// Render shows a page. seek is given the page's HTML and says which texts are to
// be found on it; it may be nil.
func Render(ctx context.Context, address string, o Options, seek func(dom string) []Seek) (*Rendering, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return nil, errors.New("only the address of a public page, http or https, is shown")
	}
	if o.Path == "" {
		if o.Path, err = Find(); err != nil {
			return nil, err
		}
	}
	if o.Dial == nil {
		return nil, errors.New("no dialer is given")
	}
	o = o.orDefaults()
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	gate, err := open(ctx, u, o)
	if err != nil {
		return nil, err
	}
	defer gate.close()
	profile, err := os.MkdirTemp("", "assay-browser-")
	if err != nil {
		return nil, err
	}
	defer removeAll(profile)

	alloc, stop := chromedp.NewExecAllocator(ctx, o.flags(profile, gate.address())...)
	defer stop()
	tab, leave := chromedp.NewContext(alloc)
	defer leave()
	r, err := show(tab, address, o, seek)
	if err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("the browser took longer than %s", o.Timeout)
		}
		return nil, fmt.Errorf("the browser could not show the page: %w", err)
	}
	r.Refused = gate.refused()
	return r, nil
}

func (o Options) orDefaults() Options {
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 64 << 20
	}
	if o.Width == 0 {
		o.Width = 1280
	}
	if o.Height == 0 {
		o.Height = 900
	}
	return o
}

func (o Options) flags(profile, proxy string) []chromedp.ExecAllocatorOption {
	flags := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(o.Path), chromedp.UserDataDir(profile), chromedp.DisableGPU, chromedp.WindowSize(o.Width, o.Height),
		chromedp.ProxyServer("http://"+proxy),
		chromedp.Flag("proxy-bypass-list", "<-loopback>"), // this machine too, only through the door
		chromedp.Flag("force-webrtc-ip-handling-policy", "disable_non_proxied_udp"),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("hide-scrollbars", true), chromedp.Flag("lang", "en-GB"), chromedp.Flag("deny-permission-prompts", true))
	if os.Geteuid() == 0 {
		flags = append(flags, chromedp.NoSandbox) // Chromium does not start as root otherwise
	}
	return flags
}

func show(tab context.Context, address string, o Options, seek func(string) []Seek) (*Rendering, error) {
	r := &Rendering{Window: [2]int{o.Width, o.Height}}
	if err := chromedp.Do(tab, chromedp.Navigate(address)); err != nil {
		return nil, err
	}
	var err error
	if r.DOM, err = chromedp.Run(tab, chromedp.Evaluate[string](fmt.Sprintf(`document.documentElement.outerHTML.slice(0, %d)`, maxDOM))); err != nil {
		return nil, err
	}
	if r.Title, err = chromedp.Run(tab, chromedp.Title()); err != nil {
		return nil, err
	}
	if r.Final, err = chromedp.Run(tab, chromedp.Evaluate[string](`location.href`)); err != nil {
		return nil, err
	}
	var seeks []Seek
	if seek != nil {
		seeks = seek(r.DOM)
	}
	list, err := json.Marshal(seeks)
	if err != nil {
		return nil, err
	}
	if seeks == nil {
		list = []byte("[]")
	}
	text, err := chromedp.Run(tab, chromedp.Evaluate[string](fmt.Sprintf("(%s)(%s)", strings.TrimSpace(measure), list)))
	if err != nil {
		return nil, err
	}
	var found struct {
		Marks  []Mark `json:"marks"`
		Images int    `json:"images"`
		Cover  bool   `json:"covered"`
		Height int    `json:"height"`
	}
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		return nil, err
	}
	r.Marks, r.Images, r.Covered = found.Marks, found.Images, found.Cover
	if found.Height > maxHeight {
		return r, nil // too tall for a picture
	}
	if r.Picture, err = chromedp.Run(tab, chromedp.FullScreenshot(100)); err != nil {
		return nil, err
	}
	if _, err = chromedp.Run(tab, chromedp.Evaluate[bool](outline(r.Marks))); err != nil {
		return nil, err
	}
	r.Outlined, err = chromedp.Run(tab, chromedp.FullScreenshot(100))
	return r, err
}

// outline draws a frame with a name around every mark that shows.
func outline(marks []Mark) string {
	data, err := json.Marshal(marks)
	if err != nil {
		panic(err) // every field has a total encoding
	}
	return `(marks => { for (const m of marks) { if (!m.found || m.hidden) continue;
		const d = document.createElement("div");
		d.style.cssText = "all:initial;position:absolute;z-index:2147483647;pointer-events:none;box-sizing:border-box;border:3px solid #b00020;left:" + (m.x-4) + "px;top:" + (m.y-4) + "px;width:" + (m.width+8) + "px;height:" + (m.height+8) + "px";
		const n = document.createElement("span"); n.textContent = m.name;
		n.style.cssText = "all:initial;position:absolute;left:-3px;bottom:100%;font:bold 12px sans-serif;color:#fff;background:#b00020;padding:1px 4px;white-space:nowrap";
		d.append(n); document.documentElement.append(d); } return true; })(` + string(data) + `)`
}

// removeAll removes the profile; children of the browser may still write to it for
// a moment after it ended.
func removeAll(dir string) {
	for range 20 {
		if os.RemoveAll(dir) == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Record is what is kept of a rendering beside its HTML and pictures.
type Record struct {
	URL     string    `json:"url"` // that was asked for
	Final   string    `json:"final"`
	At      time.Time `json:"at"`
	Title   string    `json:"title"`
	Window  [2]int    `json:"window"`
	Marks   []Mark    `json:"marks"`
	Images  int       `json:"images"`
	Covered bool      `json:"covered"`
	Refused int       `json:"refused"`

	AuthorisedBy string `json:"authorised_by,omitempty"` // who allowed speaking to an address that is not public
}

// Names of the files in which a rendering is kept.
const (
	RecordFile   = "measured.json"
	DOMFile      = "page.html"
	PictureFile  = "page.png"
	OutlinedFile = "outlined.png"
)

// Files are the files in which the rendering is kept, in one folder.
func (r *Rendering) Files(address string, at time.Time, authorisedBy string) (map[string][]byte, error) {
	data, err := json.MarshalIndent(Record{address, r.Final, at.UTC().Truncate(time.Second), r.Title, r.Window, r.Marks, r.Images, r.Covered, r.Refused, authorisedBy}, "", "  ")
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{RecordFile: append(data, '\n'), DOMFile: []byte(r.DOM)}
	if len(r.Picture) > 0 {
		files[PictureFile] = r.Picture
	}
	if len(r.Outlined) > 0 {
		files[OutlinedFile] = r.Outlined
	}
	return files, nil
}
