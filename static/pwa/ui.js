/* The parts screens are made of. */

import { Offline, Refused } from './api.js'
import { h, nodes, show } from './dom.js'
import { t } from './i18n.js'
import { icon } from './icons.js'

export const card = (...children) => h('section.card', ...children)

/** A heading over a part of a screen, with a way to all of it. */
export function part(title, { more, moreLabel, id } = {}, ...children) {
  const heading = h('h2', id ? { id } : {}, title)
  return h('section.part', h('div.part-head', heading, more && h('a.part-more', { href: more }, moreLabel || t('See all'))), ...children)
}

export function button(label, onclick, { kind = '', name, wide = false, type = 'button', disabled = false } = {}) {
  const classes = ['button', kind && `is-${kind}`, wide && 'is-wide'].filter(Boolean).join('.')
  return h(`button.${classes}`, { type, onclick, disabled }, name && icon(name), h('span', label))
}

export function link(label, href, { kind = '', name, wide = false } = {}) {
  const classes = ['button', kind && `is-${kind}`, wide && 'is-wide'].filter(Boolean).join('.')
  return h(`a.${classes}`, { href }, name && icon(name), h('span', label))
}

export const chip = (text, tone = '') => h(`span.chip${tone && `.is-${tone}`}`, text)

/** Grey shapes while something is fetched for the first time. */
export function skeleton(kind = 'lines', count = 3) {
  const shapes = Array.from({ length: count }, () => h(`span.bone.is-${kind}`))
  return h('div.skeleton', { role: 'status' }, h('span.unseen', t('Loading…')), ...shapes)
}

/** Nothing is there yet: what it would be, and what to do. */
export function empty(name, title, text, ...actions) {
  return h('div.empty', h('span.empty-icon', icon(name)), h('h2', title), text && h('p', text), ...actions)
}

/** What went wrong, in words, with a way to try again. */
export function failure(error, again) {
  const isOffline = error instanceof Offline
  const title = isOffline ? t('You are offline') : t('This did not work')
  const text = isOffline ? t('This has not been on this phone before. It comes as soon as you are online again.') : wordsOf(error)
  return h('div.empty', { role: 'alert' }, h('span.empty-icon', icon(isOffline ? 'wifi-off' : 'alert-triangle')), h('h2', title), h('p', text), button(t('Try again'), again, { name: 'refresh' }))
}

/** Why it did not work. What our server refuses it says in the shopper's language. */
export function wordsOf(error) {
  if (error instanceof Offline) return t('You are offline. Try again when you have a connection.')
  if (!(error instanceof Refused)) return t('Something went wrong. Try again.')
  const field = Object.values(error.errors).flat().find((told) => typeof told === 'string')
  const otherwise = error.status === 429 ? t('That was too often. Wait a moment and try again.') : t('Something went wrong. Try again.')
  return field || error.message || otherwise
}

const toasts = () => document.getElementById('toasts')

/** A short message at the foot of the screen; read out by screen readers. */
export function toast(text, { tone = '', action, onaction, stays = false } = {}) {
  const close = () => box.remove()
  const box = h(
    `div.toast${tone && `.is-${tone}`}`,
    h('p', text),
    action && h('button.toast-action', { type: 'button', onclick: () => (close(), onaction()) }, action),
    h('button.icon-button', { type: 'button', 'aria-label': t('Close'), onclick: close }, icon('x')),
  )
  toasts().append(box)
  if (!stays) setTimeout(close, 6000)
  return close
}

/** Do something once, with its button busy; what is refused becomes a toast. */
export async function busy(control, work) {
  if (control.getAttribute('aria-busy') === 'true') return undefined
  control.setAttribute('aria-busy', 'true')
  control.disabled = true
  try {
    return await work()
  } catch (error) {
    toast(wordsOf(error), { tone: 'danger' })
    return undefined
  } finally {
    control.removeAttribute('aria-busy')
    control.disabled = false
  }
}

/** A labelled input with help and a place for what is wrong with it. */
export function field(label, input, { help } = {}) {
  const id = input.id || `f-${crypto.randomUUID()}`
  input.id = id
  const error = h('p.field-error', { id: `${id}-error`, role: 'alert' })
  const about = help && h('p.field-help', { id: `${id}-help` }, help)
  input.setAttribute('aria-describedby', [about && `${id}-help`, `${id}-error`].filter(Boolean).join(' '))
  const whole = h('div.field', h('label', { for: id }, label), input, about, error)
  whole.complain = (text) => {
    show(error, text)
    input.setAttribute('aria-invalid', String(Boolean(text)))
    if (text) input.focus()
  }
  return whole
}

export const input = (attributes) => h('input.input', { type: 'text', ...attributes })

export function select(options, value, attributes = {}) {
  return h('select.input', attributes, ...options.map(([key, text]) => h('option', { value: key, selected: key === value }, text)))
}

/** A switch with its own words beside it. */
export function toggle(label, { checked = false, note, onchange, disabled = false } = {}) {
  const box = h('input', { type: 'checkbox', role: 'switch', onchange: () => onchange(box), disabled, props: { checked } })
  return h('label.toggle', h('span.toggle-text', h('span', label), note && h('span.small', note)), box)
}

/** One of a few, side by side. */
export function choice(legend, name, options, value, onchange) {
  const one = ([key, text, symbol]) => {
    const radio = h('input', { type: 'radio', name, value: key, onchange: () => onchange(key), props: { checked: key === value } })
    return h('label.choice', radio, symbol && icon(symbol), h('span', text))
  }
  return h('fieldset.choices', h('legend', legend), h('div.choices-row', ...options.map(one)))
}

/** A dialog that asks. `body` may hold fields; resolves to whether it was agreed to. */
export function confirm({ title, text, action, kind = 'primary', body, check = () => true }) {
  return new Promise((resolve) => {
    const finish = (agreed) => {
      dialog.close()
      dialog.remove()
      resolve(agreed)
    }
    const id = `d-${crypto.randomUUID()}`
    const form = h(
      'form',
      { method: 'dialog', onsubmit: (event) => (event.preventDefault(), check() && finish(true)) },
      h('h2', { id }, title),
      nodes([text]).map((line) => (line instanceof Node ? line : h('p', line))),
      body,
      h('div.dialog-actions', button(t('Cancel'), () => finish(false)), button(action, null, { kind, type: 'submit' })),
    )
    const dialog = h('dialog.dialog', { 'aria-labelledby': id, oncancel: () => finish(false) }, form)
    document.body.append(dialog)
    dialog.showModal()
  })
}

/** Rows of a list, as a list. */
export const list = (rows, label) => h('ul.list', label ? { 'aria-label': label } : {}, ...rows.map((row) => h('li', row)))
