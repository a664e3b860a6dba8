/* The editor of templates, and the preview of any message: words put where one last wrote, pictures chosen, and a preview that follows the draft. */
'use strict'

const frame = document.getElementById('preview')
let shownMember = ''

/* The preview ---------------------------------------------------------------------------------------------------- */

function showAgain(change = {}) {
  const url = new URL(frame.src)
  for (const [name, value] of Object.entries({ member: shownMember, ...change })) url.searchParams.set(name, value)
  frame.src = url
}

document.body.addEventListener('draft-written', () => showAgain())

function press(button) {
  for (const other of button.parentElement.children) other.setAttribute('aria-pressed', String(other === button))
}

on('click', '[data-width]', (button) => {
  document.querySelector('[data-stage]').dataset.stage = button.dataset.width
  press(button)
})

on('click', '[data-language]', (button) => {
  press(button)
  showAgain({ language: button.dataset.language })
})

on('click', '[data-show-for]', (button) => {
  shownMember = button.dataset.showFor
  for (const field of document.querySelectorAll('[data-shown-member]')) field.value = shownMember
  document.querySelector('[data-shown-for]').textContent = button.dataset.name
  button.closest('.dropdown').querySelector('[data-bs-toggle]').click()
  document.body.dispatchEvent(new Event('member-chosen'))
  showAgain()
})

/* Words ---------------------------------------------------------------------------------------------------------- */

let lastField = null
document.addEventListener('focusin', ({ target }) => {
  if (target.matches('#editor textarea, #editor input[type=text]')) lastField = target
})

on('click', '[data-word]', (button) => {
  const field = lastField?.isConnected ? lastField : document.querySelector('#editor textarea, #editor input[type=text]')
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

on('input', '#editor [data-block]', (block, { target }) => {
  if (/-(text|title|label)$/.test(target.name)) block.querySelector('[data-summary]').textContent = target.value.slice(0, 80)
})

let choosesFor = null
on('click', '[data-choose-picture]', (button) => {
  choosesFor = button.closest('[data-block]')
  document.getElementById('choose-picture').showModal()
  document.body.dispatchEvent(new Event('picture-wanted'))
})

on('submit', '[data-picture-form]', (form, event) => {
  event.preventDefault()
  const chosen = event.submitter
  const media = choosesFor.querySelector('input[name$="-picture"]')
  const alt = choosesFor.querySelector('input[name$="-alt"]')
  media.value = chosen.value
  if (!alt.value) alt.value = chosen.dataset.alt
  const picture = choosesFor.querySelector('[data-picture] img')
  picture.src = chosen.querySelector('img').src
  picture.hidden = false
  form.closest('dialog').close()
  choosesFor.querySelector('[data-choose-picture]').focus()
  media.dispatchEvent(new Event('input', { bubbles: true }))
})
