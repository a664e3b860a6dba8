/* Buttons over a text that set its marks: **bold**, *italic*, [a label](an address), and lines that begin with "- ". The text stays plain. */
'use strict'

const MARKS = { bold: '**', italic: '*' }
const BOLD = /\*\*(?=\S)(.+?)(?<=\S)\*\*/g
const ITALIC = /\*(?=[^\s*])([^*]*)(?<=[^\s*])\*/g
const LINK = /\[([^\]\n]*)\]\(([^)\s]*)\)/g
const ITEM = /^(\s*)[-*+] /

const fieldOf = (button) => button.closest('[data-formatted]').querySelector('textarea')

/** Puts `text` in the place of what stands from `start` to `end`, so that undoing takes it back; then selects. */
function replace(field, start, end, text, select) {
  field.focus()
  field.setSelectionRange(start, end)
  const isDone = text ? document.execCommand('insertText', false, text) : document.execCommand('delete')
  if (!isDone) {
    field.setRangeText(text, start, end)
    field.dispatchEvent(new Event('input', { bubbles: true }))
  }
  field.setSelectionRange(...select)
  tell(field)
}

/** A line whose double stars are no stars any more. */
const withoutBold = (line) => line.replace(BOLD, (span) => `\0\0${span.slice(2, -2)}\0\0`)

const FOUND = {
  bold: (line) => line.matchAll(BOLD),
  italic: (line) => withoutBold(line).matchAll(ITALIC),
  link: (line) => line.matchAll(LINK),
}

/** What of `kind` is around the whole selection, inside one line. */
function around(field, kind) {
  const begin = field.value.lastIndexOf('\n', field.selectionStart - 1) + 1
  const line = field.value.slice(begin).split('\n', 1)[0]
  for (const found of FOUND[kind](line)) {
    const [start, end] = [begin + found.index, begin + found.index + found[0].length]
    if (start <= field.selectionStart && field.selectionEnd <= end) return { start, end, found }
  }
  return null
}

/** Bold or italic around the selection, line by line, or away again. */
function toggleSpan(field, kind) {
  const [mark, size, there] = [MARKS[kind], MARKS[kind].length, around(field, kind)]
  if (there) {
    const inside = field.value.slice(there.start + size, there.end - size)
    const shift = (place) => Math.min(Math.max(place - size, there.start), there.end - 2 * size)
    return replace(field, there.start, there.end, inside, [shift(field.selectionStart), shift(field.selectionEnd)])
  }
  const [start, end] = [field.selectionStart, field.selectionEnd]
  const words = field.value.slice(start, end)
  if (!words.trim()) return toggleEmpty(field, start, end, mark)
  const marked = words.split('\n').map((line) => {
    const [, lead, core, tail] = /^(\s*(?:[-*+] )?\s*)(.*?)(\s*)$/.exec(line)
    return core ? lead + mark + core + mark + tail : line
  }).join('\n')
  const [lead, tail] = [marked.indexOf(mark), marked.length - marked.lastIndexOf(mark) - size]
  replace(field, start, end, marked, [start + lead + size, start + marked.length - tail - size])
}

/** Marks to write between, or away with those that nothing was written between. */
function toggleEmpty(field, start, end, mark) {
  const [left, right] = [start - mark.length, end + mark.length]
  const isThere = field.value.slice(left, start) === mark && field.value.slice(end, right) === mark
  if (isThere) return replace(field, left, right, '', [left, left])
  replace(field, start, end, mark + mark, [start + mark.length, start + mark.length])
}

function lines(field) {
  const start = field.value.lastIndexOf('\n', field.selectionStart - 1) + 1
  const next = field.value.indexOf('\n', Math.max(field.selectionEnd - (field.selectionEnd > field.selectionStart), start))
  const end = next < 0 ? field.value.length : next
  return { start, end, them: field.value.slice(start, end).split('\n') }
}

function toggleList(field) {
  const { start, end, them } = lines(field)
  const isList = them.every((line) => !line.trim() || ITEM.test(line)) && them.some((line) => line.trim())
  const changed = them.map((line) => (isList ? line.replace(ITEM, '$1') : line.trim() || them.length === 1 ? `- ${line.replace(ITEM, '')}` : line))
  const text = changed.join('\n')
  replace(field, start, end, text, them.length === 1 ? [start + text.length, start + text.length] : [start, start + text.length])
}

/* Links ---------------------------------------------------------------------------------------------------------- */

const dialog = document.getElementById('link-words')
const part = (name) => document.getElementById(`link-${name}`)
let linkIn = null // the id of the text, and what of it the link takes the place of

function askForLink(field) {
  const there = around(field, 'link')
  linkIn = { id: field.id, start: there?.start ?? field.selectionStart, end: there?.end ?? field.selectionEnd }
  const address = there?.found[2] ?? ''
  const isPlace = [...part('place').options].some((option) => option.value && option.value === address)
  part('label').value = there?.found[1] ?? field.value.slice(linkIn.start, linkIn.end).replaceAll('\n', ' ')
  part('place').value = isPlace ? address : ''
  part('url').value = isPlace ? '' : address
  dialog.querySelector('[data-unlink]').hidden = !there
  tellFault(false)
  showUrl()
  dialog.showModal()
  ;(part('label').value ? part('url') : part('label')).focus()
}

function showUrl() {
  part('url').closest('.field').hidden = part('place').value !== ''
}

function tellFault(isFault) {
  part('url_error').hidden = !isFault
  part('url').setAttribute('aria-invalid', String(isFault))
  part('url').classList.toggle('is-invalid', isFault)
}

if (dialog) {
  part('place').addEventListener('change', showUrl)
  dialog.querySelector('form').addEventListener('submit', (event) => {
    const field = document.getElementById(linkIn.id)
    const label = part('label').value.trim()
    const address = part('place').value || part('url').value.trim()
    const isRemoved = event.submitter?.value === 'remove'
    if (!isRemoved && !part('place').value && !/^(https?:\/\/|mailto:|tel:|\{\{)\S+/i.test(address)) {
      event.preventDefault()
      tellFault(true)
      return part('url').focus()
    }
    const text = isRemoved ? label : `[${(label || address).replace(/[[\]]/g, '')}](${encodeEnds(address)})`
    const { start, end } = linkIn
    dialog.addEventListener('close', () => replace(field, start, end, text, [start + text.length, start + text.length]), { once: true })
  })
}

/** A space or a bracket would end the address where it stands. Liquid is left as it is. */
const encodeEnds = (address) => (address.includes('{{') ? address : address.replace(/[ ()]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`))

/* Buttons and keys ----------------------------------------------------------------------------------------------- */

const DEEDS = {
  bold: (field) => toggleSpan(field, 'bold'),
  italic: (field) => toggleSpan(field, 'italic'),
  link: askForLink,
  list: toggleList,
}

/** Each button says whether its mark is where the caret is. */
function tell(field) {
  const isItem = lines(field).them.every((line) => ITEM.test(line))
  const marks = { bold: around(field, 'bold'), italic: around(field, 'italic'), link: around(field, 'link'), list: isItem }
  for (const button of field.closest('[data-formatted]').querySelectorAll('[data-mark]')) {
    button.setAttribute('aria-pressed', String(Boolean(marks[button.dataset.mark])))
  }
}

on('mousedown', '[data-mark]', (_button, event) => event.preventDefault()) // the caret stays in the text
on('click', '[data-mark]', (button) => DEEDS[button.dataset.mark](fieldOf(button)))

document.addEventListener('selectionchange', () => {
  const field = document.activeElement
  if (field?.matches('[data-formatted] textarea')) tell(field)
})

const KEYS = { b: 'bold', i: 'italic', k: 'link' }
on('keydown', '[data-formatted] textarea', (field, event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return
  const deed = event.shiftKey ? (event.code === 'Digit8' ? 'list' : null) : KEYS[event.key.toLowerCase()]
  if (!deed) return
  event.preventDefault()
  DEEDS[deed](field)
})
