/* What every page shares: the CSRF header, errors that are seen, toasts, dialogs, copying, files dropped, the search key. */
'use strict'

const on = (name, selector, handle) =>
  document.addEventListener(name, (event) => {
    const element = event.target.closest?.(selector)
    if (element) handle(element, event)
  })

const clone = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true)

/* Requests ------------------------------------------------------------------------------------------------------- */

document.addEventListener('htmx:configRequest', ({ detail }) => {
  if (detail.verb !== 'get') {
    detail.headers['X-CSRFToken'] = document.querySelector('meta[name="csrf-token"]').content
  }
})

const REASONS = {
  0: 'The server could not be reached. Check your connection and try again.',
  403: 'You may not do this. If you think you should, ask an administrator.',
  404: 'This is no longer here. Reload the page to see what is.',
  413: 'That file is too large.',
  429: 'Too many requests in a short time. Wait a moment and try again.',
}

/** The sentence the server wrote for people, or ours for the status. */
function explain(xhr) {
  const type = xhr.getResponseHeader('Content-Type') || ''
  if (type.includes('json')) {
    try {
      const { detail } = JSON.parse(xhr.responseText)
      if (typeof detail === 'string') return detail
    } catch {}
  }
  if (type.startsWith('text/plain') && xhr.responseText && xhr.responseText.length < 300) return xhr.responseText
  return REASONS[xhr.status] || 'Something went wrong on our side. Please try again in a moment.'
}

/** What asks every few seconds fails every few seconds: that is said once. */
const isSaid = (text) => [...document.querySelectorAll('#toasts [data-text]')].some((said) => said.textContent === text)

function report({ elt, xhr }) {
  const text = explain(xhr)
  const lazy = elt.matches('[data-lazy]') && elt // not what stands in it by now, with words in its forms
  if (!lazy) return isSaid(text) || toast({ tone: 'danger', text })
  const error = clone('error-template')
  error.querySelector('[data-text]').textContent = text
  lazy.replaceChildren(error)
}

for (const name of ['htmx:responseError', 'htmx:sendError', 'htmx:timeout']) {
  document.addEventListener(name, ({ detail }) => report(detail))
}

on('click', '[data-retry]', (button) => htmx.trigger(button.closest('[data-lazy]'), 'retry'))

/* What asks every few seconds holds still while nobody looks at the page. */
document.addEventListener('htmx:beforeRequest', (event) => {
  const isPoll = event.detail.elt.getAttribute('hx-trigger')?.startsWith('every')
  if (isPoll && document.hidden) event.preventDefault()
})

/* A lazy fragment is busy until its answer, good or bad, is in. */
document.addEventListener('htmx:afterRequest', ({ detail }) => {
  detail.elt.closest('[data-lazy]')?.setAttribute('aria-busy', 'false')
})

/* A session that ended answers a fragment with the sign-in page: go there instead of drawing it inside this one. */
document.addEventListener('htmx:beforeSwap', ({ detail }) => {
  const login = document.body.dataset.loginUrl
  if (!login || !detail.xhr.responseURL) return
  if (new URL(detail.xhr.responseURL).pathname !== login) return
  detail.shouldSwap = false
  location.assign(`${login}?next=${encodeURIComponent(location.pathname + location.search)}`)
})

for (const [name, lost] of [['htmx:sseError', true], ['htmx:sseOpen', false]]) {
  document.addEventListener(name, ({ target }) => {
    for (const light of target.querySelectorAll('[data-live]')) light.classList.toggle('is-lost', lost)
  })
}

/* A form is sent once, however often the button is pressed. */
document.addEventListener('submit', (event) => {
  const form = event.target
  if (form.hasAttribute('hx-post') || form.hasAttribute('hx-get') || form.method === 'dialog') return
  if (form.dataset.sent) return event.preventDefault()
  form.dataset.sent = 'true'
  event.submitter?.classList.add('is-busy')
})
addEventListener('pageshow', () => {
  for (const form of document.querySelectorAll('[data-sent]')) delete form.dataset.sent
  for (const button of document.querySelectorAll('.is-busy')) button.classList.remove('is-busy')
})

/* Toasts: also sent by the server as `HX-Trigger: {"toast": {"tone": "success", "text": "Saved."}}`. ---------------- */

const LINGER = 6000
const MOST_NEWS = 2
const BAD_NEWS = '.tone-danger, .tone-warning'
const READ = ':hover, :focus-within'

function toast({ tone = 'info', text }) {
  const element = clone('toast-template')
  element.classList.add(`tone-${tone}`)
  element.querySelector('[data-text]').textContent = text
  const toasts = document.getElementById('toasts')
  toasts.append(element)
  const news = [...toasts.children].filter((each) => !each.matches(`${BAD_NEWS}, ${READ}`))
  for (const older of news.slice(0, -MOST_NEWS)) older.remove()
  expire(element)
}

/** Good news leaves by itself, unless somebody is reading it, and for newer news; bad news stays until it is closed. */
function expire(element) {
  if (element.matches(BAD_NEWS)) return
  const leave = () => (element.matches(READ) ? setTimeout(leave, LINGER / 3) : element.remove())
  setTimeout(leave, LINGER)
}

document.addEventListener('toast', ({ detail }) => toast(detail))
document.querySelectorAll('#toasts > *').forEach(expire)
on('click', '[data-dismiss]', (button) => button.closest('[data-dismissible]').remove())

/* Dialogs -------------------------------------------------------------------------------------------------------- */

/* A button with `command="show-modal"` opens its dialog without a script; in browsers from before 2026, by this one. */
if (!('commandForElement' in HTMLButtonElement.prototype)) {
  on('click', '[command="show-modal"]', (opener) => document.getElementById(opener.getAttribute('commandfor')).showModal())
}
on('click', '[data-close-dialog]', (button) => button.closest('dialog').close())
on('click', 'dialog', (dialog, event) => {
  if (event.target === dialog) dialog.close() // the backdrop: everything else in it is a descendant
})

/* `hx-confirm` asks in our own dialog. */
document.addEventListener('htmx:confirm', (event) => {
  const { question, elt, issueRequest } = event.detail
  if (!question) return
  event.preventDefault()
  const dialog = document.getElementById('confirm')
  dialog.querySelector('[data-text]').textContent = question
  dialog.querySelector('[data-confirm]').textContent = elt.dataset.confirmLabel || 'Continue'
  dialog.returnValue = ''
  dialog.addEventListener('close', () => dialog.returnValue === 'yes' && issueRequest(true), { once: true })
  dialog.showModal()
})

/* Small conveniences --------------------------------------------------------------------------------------------- */

on('click', '[data-copy]', async (button) => {
  try {
    await navigator.clipboard.writeText(button.dataset.copy)
    button.classList.add('is-copied')
    button.querySelector('[data-text]').textContent = 'Copied'
  } catch {
    toast({ tone: 'warning', text: 'The browser did not allow copying. Select the text and copy it yourself.' })
  }
})

document.addEventListener('keydown', (event) => {
  const typing = event.target.closest?.('input, textarea, select, [contenteditable]')
  if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return
  const search = document.getElementById('search')
  if (!search) return
  event.preventDefault()
  search.focus()
})

const isFiles = (event) => event.dataTransfer?.types.includes('Files')

function showFile(zone) {
  const files = [...zone.querySelector('input').files]
  const size = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 1 })
  const weight = size.format(files.reduce((sum, file) => sum + file.size, 0) / 1e6)
  const name = files.length > 1 ? `${files.length} files` : files[0]?.name
  zone.classList.toggle('has-file', files.length > 0)
  zone.querySelector('[data-file]').textContent = name ? `${name} (${weight} MB)` : ''
}

on('change', '[data-dropzone]', showFile)
for (const name of ['dragover', 'dragleave', 'drop']) {
  on(name, '[data-dropzone]', (zone, event) => {
    if (!isFiles(event)) return
    event.preventDefault()
    zone.classList.toggle('is-over', name === 'dragover')
    if (name !== 'drop') return
    zone.querySelector('input').files = event.dataTransfer.files
    showFile(zone)
  })
}

/* On a phone the tabs are wider than the window: the one that is open is in sight. */
document.querySelector('.tabs [aria-current]')?.scrollIntoView({ inline: 'center', block: 'nearest', behavior: 'instant' })

/* What a form would make, before it is saved: <form data-preview="ID of a frame"> ---------------------------------- */

function preview(form) {
  const frame = document.getElementById(form.dataset.preview)
  const chosen = new URLSearchParams(new FormData(form))
  chosen.delete('csrfmiddlewaretoken')
  frame.contentWindow.location.replace(`${frame.dataset.src}?${chosen}`)
}

const waiting = new WeakMap()
on('input', 'form[data-preview]', (form) => {
  clearTimeout(waiting.get(form))
  waiting.set(form, setTimeout(() => preview(form), 300))
})

/* Fields that only matter for one choice of another: <div data-when="effect=fixed,bracket"> ------------------------- */

function showWhen(form) {
  for (const part of form.querySelectorAll('[data-when]')) {
    const [name, wanted] = part.dataset.when.split('=')
    part.hidden = !wanted.split(',').includes(form.elements[name]?.value)
  }
}

document.querySelectorAll('form:has([data-when])').forEach(showWhen)
document.addEventListener('change', ({ target }) => target.form?.querySelector('[data-when]') && showWhen(target.form))
