/* The week of a plan: a card is dragged to another day. The server decides; what it refuses stays where it was. */
'use strict'

const LABEL = '[data-move]'
let dragged = null

const dayUnder = (event) => event.target.closest?.('.board [data-day]')

function leave() {
  for (const day of document.querySelectorAll('.board .is-over')) day.classList.remove('is-over')
}

document.addEventListener('dragstart', (event) => {
  const card = event.target.closest?.(LABEL)
  if (!card) return
  dragged = card
  card.classList.add('is-dragged')
  event.dataTransfer.effectAllowed = 'move'
  event.dataTransfer.setData('text/plain', card.dataset.move)
})

document.addEventListener('dragend', () => {
  dragged?.classList.remove('is-dragged')
  dragged = null
  leave()
})

document.addEventListener('dragover', (event) => {
  const day = dragged && dayUnder(event)
  if (!day) return
  event.preventDefault()
  event.dataTransfer.dropEffect = 'move'
  if (day.classList.contains('is-over')) return
  leave()
  day.classList.add('is-over')
})

document.addEventListener('drop', (event) => {
  const day = dragged && dayUnder(event)
  if (!day) return
  event.preventDefault()
  leave()
  if (day.contains(dragged)) return
  const { move, seen } = dragged.dataset
  htmx.ajax('POST', move, { target: '#plan', swap: 'outerHTML', values: { day: day.dataset.day, seen } })
})

/* Who moves a card by its menu goes on with the same card. */
let moved = ''

document.addEventListener('htmx:beforeRequest', ({ detail }) => {
  moved = detail.elt.closest('.board-menu')?.querySelector('[id]').id || ''
})

document.addEventListener('htmx:afterSettle', () => {
  if (!moved) return
  document.getElementById(moved)?.focus()
  moved = ''
})

/* What changes elsewhere waits until the card has been put down. */
document.addEventListener('htmx:beforeRequest', (event) => {
  if (dragged && event.detail.elt.id === 'plan') event.preventDefault()
})
