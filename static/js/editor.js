/* The editor of templates, and the preview of any message: nothing typed is lost, words are put where one last wrote, pictures chosen, and the preview follows the draft. */
'use strict'

/* The preview ---------------------------------------------------------------------------------------------------- */

const frame = () => document.getElementById('preview')
let shown = null // what the frame shows
let shownIn = null

/** In the place of what the frame shows, so that Back leaves the page. */
function showAgain(change = {}) {
  const now = frame()
  if (now !== shownIn) [shown, shownIn] = [new URL(now.src), now]
  for (const [name, value] of Object.entries(change)) shown.searchParams.set(name, value)
  now.contentWindow.location.replace(shown)
}

document.body.addEventListener('draft-written', () => {
  document.querySelector('[data-of-draft]')?.removeAttribute('hidden')
  showAgain()
})

function press(button) {
  for (const other of button.parentElement.children) other.setAttribute('aria-pressed', String(other === button))
}

on('click', '[data-width]', (button) => {
  document.querySelector('[data-stage]').dataset.stage = button.dataset.width
  press(button)
})

on('click', '[data-scheme]', (button) => {
  press(button)
  showAgain({ scheme: button.dataset.scheme })
})

on('click', '[data-language]', (button) => {
  press(button)
  showAgain({ language: button.dataset.language })
})

on('click', '[data-show-for]', (button) => {
  const member = button.dataset.showFor
  for (const field of document.querySelectorAll('[data-shown-member]')) field.value = member
  document.querySelector('[data-shown-for]').textContent = button.dataset.name
  button.closest('.dropdown').querySelector('[data-bs-toggle]').click()
  document.body.dispatchEvent(new Event('member-chosen'))
  showAgain({ member })
})

/* What does not fit beside each other is shown one after the other. */
const panes = document.querySelector('[data-panes]')
if (panes) {
  panes.hidden = false
  document.querySelector('[data-editor]').dataset.pane = 'write'
}

on('click', '[data-pane]:not([data-editor])', (button) => {
  document.querySelector('[data-editor]').dataset.pane = button.dataset.pane
  press(button)
})

/* Nothing typed is lost ------------------------------------------------------------------------------------------ */

const editor = () => document.getElementById('editor')
const writeUrl = editor()?.getAttribute('action')
const isWriting = ({ requestConfig }) => writeUrl && requestConfig?.path === writeUrl
const typed = new Set() // names of fields written in since the last request took what stood in them
let carried = new Set() // those that a request on its way has taken
let onceKept = null // what waits until nothing is unsaved
let pressed = null // the button for blocks whose answer is awaited
let pressedMeanwhile = [] // ids

const isUnsaved = () => typed.size + carried.size > 0 || pressed !== null

/** Also says on the page whether something is not kept yet. */
function goOn() {
  editor()?.classList.toggle('is-unkept', isUnsaved())
  if (isUnsaved() || !onceKept) return
  const act = onceKept
  onceKept = null
  act()
}

function keepSoon() {
  editor()?.dispatchEvent(new Event('input', { bubbles: true }))
}

document.addEventListener('input', ({ target }) => {
  if (!target.name || target.form?.id !== 'editor') return
  typed.add(target.name)
  goOn()
})

document.addEventListener('htmx:beforeRequest', (event) => {
  if (!isWriting(event.detail)) return
  const isNeeded = typed.size || event.detail.elt !== editor() // a button, or words that no earlier request has taken
  if (!isNeeded) return event.preventDefault()
  carried = new Set(typed)
  typed.clear()
})

document.addEventListener('htmx:afterRequest', ({ detail }) => {
  if (!isWriting(detail)) return
  if (detail.xhr.status !== 200) {
    for (const name of carried) typed.add(name)
    giveUpWaiting()
    endPress()
    if (detail.xhr.status === 0 && typed.size) setTimeout(keepSoon, 5000)
  }
  carried.clear()
  goOn()
})

/** What was to be done is not, and what keeps it from being done is in sight. */
function giveUpWaiting() {
  if (!onceKept) return
  onceKept = null
  document.querySelector('dialog[open]')?.close()
  toast({ tone: 'warning', text: 'Nothing was done: what you wrote last could not be kept.' })
}

/* What was typed before this script was there, on a slow line. */
document.addEventListener('DOMContentLoaded', () => {
  for (const field of editor()?.querySelectorAll('textarea, input[type=text]') ?? []) {
    if (field.name && field.value !== field.defaultValue) typed.add(field.name)
  }
  if (typed.size) keepSoon()
  goOn()
})

addEventListener('beforeunload', (event) => {
  if (isUnsaved()) event.preventDefault()
})

/* What leaves the page, or works with the draft, waits for the last words to be kept. */
function afterKeeping(event, act) {
  if (!isUnsaved()) return
  event.preventDefault()
  event.stopImmediatePropagation()
  onceKept = act
  htmx.trigger(editor(), 'submit')
}

document.addEventListener('submit', (event) => {
  const form = event.target
  if (form.id !== 'editor' && form.method === 'post') afterKeeping(event, () => form.requestSubmit(event.submitter))
}, true)

document.addEventListener('click', (event) => {
  const tab = event.target.closest?.('.tabs a')
  const isPlain = !event.button && !event.ctrlKey && !event.metaKey && !event.shiftKey
  if (tab && isPlain) afterKeeping(event, () => location.assign(tab.href))
}, true)

/* Buttons that add, move or remove blocks: the form comes back from the server, and goes on where it was. --------- */

function endPress() {
  pressed = null
  pressedMeanwhile = []
}

document.addEventListener('click', (event) => {
  const button = event.target.closest?.('#editor button[name=do]:not([hx-confirm])')
  if (!button) return
  if (!pressed) {
    pressed = { id: button.id, neighbour: neighbourOf(button) }
    return
  }
  event.preventDefault()
  event.stopImmediatePropagation()
  pressedMeanwhile.push(button.id)
}, true)

/** Where the keyboard goes when the block of `button` is gone. */
function neighbourOf(button) {
  const block = button.closest('[data-block]')
  const next = block?.nextElementSibling ?? block?.previousElementSibling
  return next?.querySelector('[id$="-remove"]')?.id
}

const foldOf = (block) => block.querySelector('input[name=block]').value
const blocks = () => document.querySelectorAll('#editor [data-block]')
let before = null

document.addEventListener('htmx:beforeSwap', ({ detail }) => {
  if (detail.target.id !== 'editor' || !detail.shouldSwap) return
  const focused = document.activeElement
  before = {
    words: [...typed].map((name) => [name, editor().elements.namedItem(name)?.value]),
    open: new Set([...blocks()].filter((block) => block.querySelector('details').open).map(foldOf)),
    openWords: document.querySelector('#editor .words')?.open,
    focus: focused?.id,
    selection: focused?.matches?.('textarea, input[type=text]') ? [focused.selectionStart, focused.selectionEnd] : null,
  }
})

document.addEventListener('htmx:afterSwap', ({ detail }) => {
  if (!before || detail.target.id !== 'editor') return
  for (const block of blocks()) if (before.open.has(foldOf(block))) block.querySelector('details').open = true
  const words = document.querySelector('#editor .words')
  if (words && before.openWords) words.open = true
  for (const [name, value] of before.words) writeAgain(name, value)
  focusAgain()
  before = null
})

/** What was typed while the answer was on its way. A block that is gone takes its words along. */
function writeAgain(name, value) {
  const field = editor().elements.namedItem(name)
  if (!field || value === undefined) return typed.delete(name)
  field.value = value
  summarise(field)
}

function focusAgain() {
  const { focus, selection } = before
  const field = focus && focus !== pressed?.id && document.getElementById(focus)
  if (field) {
    field.focus({ preventScroll: true })
    if (selection && field.setSelectionRange) field.setSelectionRange(...selection)
  } else if (pressed) {
    afterPress()?.focus()
  }
}

/** The button that was pressed, the one beside it where it has no use now, or the first field of a new block. */
function afterPress() {
  const added = document.querySelector('#editor details[data-new]')
  if (added) return added.querySelector('input:not([type=hidden]), textarea, select') ?? added.querySelector('summary')
  const button = document.getElementById(pressed.id)
  if (button && !button.disabled) return button
  const beside = button?.closest('.block-tools').querySelector('button:not([disabled])')
  return beside ?? document.getElementById(pressed.neighbour) ?? document.querySelector('#editor .block-add button')
}

document.addEventListener('htmx:afterSettle', ({ detail }) => {
  if (detail.target.id !== 'editor') return
  const [next, ...others] = pressedMeanwhile
  endPress()
  pressedMeanwhile = others
  if (typed.size) keepSoon()
  if (next) document.getElementById(next)?.click()
  goOn()
})

/* Words ---------------------------------------------------------------------------------------------------------- */

const WRITTEN = '[data-written] :is(textarea, input[type=text])'
let lastField = null
document.addEventListener('focusin', ({ target }) => {
  if (target.matches(WRITTEN)) lastField = target
})

on('click', '[data-word]', (button) => {
  const known = lastField && (lastField.isConnected ? lastField : document.getElementById(lastField.id))
  const field = known || document.querySelector(WRITTEN)
  if (!field) return
  field.closest('details')?.setAttribute('open', '')
  field.setRangeText(`{{ ${button.dataset.word} }}`, field.selectionStart, field.selectionEnd, 'end')
  field.focus()
  field.dispatchEvent(new Event('input', { bubbles: true }))
})

/* Blocks --------------------------------------------------------------------------------------------------------- */

/** The address of a link is asked for only where it leads to one. */
function showAddresses() {
  for (const place of document.querySelectorAll('#editor select[name$="-place"]')) {
    const url = document.getElementsByName(place.name.replace(/place$/, 'url'))[0]
    url.closest('.field').hidden = place.value !== 'url'
  }
}

showAddresses()
document.addEventListener('htmx:afterSwap', showAddresses)
on('change', '#editor select[name$="-place"]', showAddresses)

function summarise(field) {
  const summary = field.closest('[data-block]')?.querySelector('[data-summary]')
  if (summary && /-(text|title|label)$/.test(field.name)) summary.textContent = field.value.slice(0, 80)
}

on('input', '#editor [data-block]', (_block, { target }) => summarise(target))

let choosesFor = ''
const choosing = () => document.querySelector(`#editor input[name=block][value="${choosesFor}"]`).closest('[data-block]')
on('click', '[data-choose-picture]', (button) => {
  choosesFor = foldOf(button.closest('[data-block]'))
  document.getElementById('choose-picture').showModal()
  document.body.dispatchEvent(new Event('picture-wanted'))
})

on('submit', '[data-picture-form]', (form, event) => {
  event.preventDefault()
  const [chosen, block] = [event.submitter, choosing()]
  const media = block.querySelector('input[name$="-picture"]')
  const alt = block.querySelector('input[name$="-alt"]')
  media.value = chosen.value
  if (!alt.value) {
    alt.value = chosen.dataset.alt
    typed.add(alt.name)
  }
  const picture = block.querySelector('[data-picture] img')
  picture.src = chosen.querySelector('img').src
  picture.hidden = false
  form.closest('dialog').close()
  block.querySelector('[data-choose-picture]').focus()
  media.dispatchEvent(new Event('input', { bubbles: true }))
})

document.body.addEventListener('test-sent', () => document.getElementById('send-test').close())
