/* The way in: date of birth, then email or phone, the one-time code, and for new members a name and their choices.
   Nothing of what the shop sells is shown before somebody is old enough. */

import { Refused, post } from '../api.js'
import { h, show } from '../dom.js'
import { currentLanguage, preferredLanguage, rememberLanguage, shop, t, useLanguage } from '../i18n.js'
import { announce } from '../layout.js'
import { fresh } from '../live.js'
import { bornOn, isLetIn, isOfAge, rememberBirth, signIn } from '../session.js'
import { busy, button, field, input, select, toggle, wordsOf } from '../ui.js'

export default function signInScreen(params, signal) {
  const place = h('div.sign-in')
  const target = new URLSearchParams(location.search).get('next') || (isAppPath(location.pathname) ? location.pathname + location.search : '/')
  const visit = { place, signal, target, id: null, code: '', contact: '', sentTo: '' }
  if (isLetIn()) askContact(visit, { isFirst: true })
  else if (bornOn()) turnAway(visit, { isFirst: true })
  else askBirth(visit, { isFirst: true })
  return { title: t('Welcome to {shop}', { shop: shop.name }), mark: shop.mark, body: [place, languages()] }
}

const isAppPath = (path) => path.startsWith('/app/') && path !== '/app/sign-in'

/** Show a step: its heading takes the focus, unless it is what the screen opens with. */
function step({ place }, { isFirst = false }, title, ...content) {
  const heading = h('h2', { tabindex: '-1' }, title)
  show(place, heading, content)
  if (isFirst) return
  heading.focus()
  announce(title)
}

function form(label, onsubmit, ...fields) {
  const send = button(label, null, { kind: 'primary', wide: true, type: 'submit' })
  const whole = h('form', { novalidate: true }, ...fields, send)
  whole.addEventListener('submit', (event) => {
    event.preventDefault()
    busy(send, onsubmit)
  })
  return whole
}

function askBirth(visit, how = {}) {
  const born = input({ type: 'date', autocomplete: 'bday', required: true, max: new Date().toISOString().slice(0, 10), min: '1900-01-01' })
  const row = field(t('Date of birth'), born)
  const next = () => {
    if (!born.value || !born.validity.valid) return row.complain(t('Enter your date of birth.'))
    rememberBirth(born.value)
    return isOfAge(born.value) ? askContact(visit) : turnAway(visit)
  }
  step(visit, how, t('When were you born?'), h('p', t('This shop is for people aged {age} and over.', { age: shop.legal_age })), form(t('Continue'), next, row))
}

function turnAway(visit, how = {}) {
  step(visit, how, t('Come back when you are {age}', { age: shop.legal_age }), h('p', t('The law does not let us show you more. If you have mistyped your date of birth, ask in the shop.')))
}

function askContact(visit, how = {}) {
  const contact = input({ type: 'text', autocomplete: 'username', inputmode: 'email', autocapitalize: 'none', spellcheck: 'false', required: true, value: visit.contact })
  const row = field(t('Email or mobile number'), contact, { help: t('We send you a code. There is no password.') })
  const next = async () => {
    visit.contact = contact.value.trim()
    if (!/[@\d]/.test(visit.contact)) return row.complain(t('Enter your email or your mobile number.'))
    try {
      await sendCode(visit)
      askCode(visit)
    } catch (error) {
      row.complain(wordsOf(error))
    }
    return undefined
  }
  step(visit, how, t('Sign in or join'), form(t('Send me a code'), next, row))
}

async function sendCode(visit) {
  const body = visit.contact.includes('@') ? { email: visit.contact } : { phone: visit.contact }
  const sent = await post('sign-in/codes', body, { isPublic: true })
  visit.id = sent.id
  visit.sentTo = sent.sent_to
}

function askCode(visit) {
  const code = input({ inputmode: 'numeric', autocomplete: 'one-time-code', pattern: '[0-9]*', maxlength: '8', required: true, class: 'input is-code' })
  const row = field(t('Code'), code)
  const next = async () => {
    visit.code = code.value.replace(/\D/g, '')
    if (!visit.code) return row.complain(t('Enter the code from the message.'))
    try {
      await enter(visit, null)
    } catch (error) {
      if (error instanceof Refused && error.code === 'not_a_member') await askToJoin(visit)
      else row.complain(wordsOf(error))
    }
    return undefined
  }
  const anew = () => sendCode(visit).then(() => announce(t('A new code is on its way.')), (error) => row.complain(wordsOf(error)))
  const again = button(t('Send a new code'), () => busy(again, anew), { kind: 'quiet' })
  const other = button(t('Use another address'), () => askContact(visit), { kind: 'quiet' })
  step(visit, {}, t('Enter your code'), h('p', t('We have sent it to {address}.', { address: visit.sentTo })), form(t('Continue'), next, row), h('div.row', again, other))
  code.focus()
}

async function enter(visit, join) {
  await signIn({ id: visit.id, code: visit.code, join })
  document.dispatchEvent(new Event('changed'))
  history.replaceState(null, '', visit.target)
  document.dispatchEvent(new Event('frame'))
}

async function askToJoin(visit) {
  const { topics = [] } = await fresh('programme', { isPublic: true })
  const name = input({ autocomplete: 'name', required: true, maxlength: '120' })
  const invite = input({ autocomplete: 'off', maxlength: '20', value: localStorage.getItem('app-invite') || '' })
  const nameRow = field(t('Your name'), name)
  const inviteRow = field(t('Invitation code, if you have one'), invite)
  const agreed = new Set()
  const boxes = topics
    .filter(({ channel }) => channel === (visit.contact.includes('@') ? 'email' : 'sms'))
    .map((topic) => toggle(topic.wording, { onchange: (box) => (box.checked ? agreed.add(topic) : agreed.delete(topic)) }))
  const next = async () => {
    if (!name.value.trim()) return nameRow.complain(t('Enter your name.'))
    const consents = [...agreed].map(({ channel, topic, wording }) => ({ channel, topic, wording }))
    try {
      await enter(visit, { name: name.value.trim(), birth_date: bornOn(), language: currentLanguage(), invite: invite.value.trim(), consents })
    } catch (error) {
      if (error instanceof Refused && error.code === 'wrong_code') return askContact(visit)
      ;(error.code === 'unknown_invite' ? inviteRow : nameRow).complain(wordsOf(error))
    }
    return undefined
  }
  const choices = boxes.length > 0 && h('fieldset.wishes', h('legend', t('What may we send you?')), h('p.small', t('All of it is up to you, and joining does not depend on it.')), ...boxes)
  step(visit, {}, t('Join {shop}', { shop: shop.name }), h('p', t('You are new here. Tell us who you are.')), form(t('Join'), next, nameRow, inviteRow, choices))
}

function languages() {
  const options = Object.entries(shop.languages)
  if (options.length < 2) return null
  const box = select(options, preferredLanguage(), {
    'aria-label': t('Language'),
    onchange: async () => {
      rememberLanguage(box.value)
      await useLanguage(box.value)
      document.dispatchEvent(new Event('frame'))
    },
  })
  return h('div.sign-in-foot', box)
}
