// Asks the browser for a passkey when a form with data-passkey is sent, and sends the
// answer with it. It talks to nobody: the form does.
const bytes = text => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), c => c.charCodeAt(0))
const text = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")

function options(kind, json) {
  const o = JSON.parse(json)
  o.challenge = bytes(o.challenge)
  if (kind === "create") o.user.id = bytes(o.user.id)
  for (const list of ["excludeCredentials", "allowCredentials"])
    if (o[list]) o[list] = o[list].map(c => ({ ...c, id: bytes(c.id) }))
  return o
}

function answer(c) {
  const r = c.response, out = { clientDataJSON: text(r.clientDataJSON) }
  if (r.attestationObject) {
    out.attestationObject = text(r.attestationObject)
    out.transports = r.getTransports ? r.getTransports() : []
  } else {
    out.authenticatorData = text(r.authenticatorData)
    out.signature = text(r.signature)
    if (r.userHandle) out.userHandle = text(r.userHandle)
  }
  return JSON.stringify({ id: c.id, rawId: text(c.rawId), type: c.type, authenticatorAttachment: c.authenticatorAttachment ?? undefined, clientExtensionResults: c.getClientExtensionResults(), response: out })
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const says = form.querySelector("[data-says]")
  form.addEventListener("submit", async event => {
    event.preventDefault()
    const kind = form.dataset.passkey
    if (!window.PublicKeyCredential) {
      says.textContent = "This browser knows no passkeys, or the page is not open over a secure connection."
      return
    }
    says.textContent = "Your browser asks for your passkey."
    try {
      const publicKey = options(kind, form.dataset.options)
      const made = await navigator.credentials[kind]({ publicKey })
      form.elements.credential.value = answer(made)
      form.submit()
    } catch (fault) {
      says.textContent = fault.name === "InvalidStateError" ? "This device has a passkey for the account already." : "That did not work, or was cancelled. Try again."
    }
  })
}
