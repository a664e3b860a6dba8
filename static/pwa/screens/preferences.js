/* What the member decides: who they are to us, what they get, which phones are signed in, and leaving. */

import { ask, call } from '../api.js'
import { h } from '../dom.js'
import { currentLanguage, day, moment, rememberLanguage, shop, t, useLanguage } from '../i18n.js'
import { icon } from '../icons.js'
import { changed, freshOrLast, live } from '../live.js'
import { canPush, isBlocked, isSubscribed, subscribe, unsubscribe } from '../push.js'
import { forget } from '../session.js'
import { session } from '../store.js'
import { busy, button, chip, choice, confirm, field, input, list, part, select, skeleton, toast, toggle, wordsOf } from '../ui.js'

export default function preferences(params, signal) {
  const profile = h('div')
  const wishes = h('div')
  const devices = h('div')
  live('me', profile, (me) => person(me), { signal, bones: skeleton('lines', 4) })
  live('me/consents', wishes, (rows) => consents(rows), { signal, bones: skeleton('lines', 3) })
  live('me/devices', devices, (rows) => phones(rows), { signal })
  return { title: t('Preferences'), body: [profile, look(), wishes, notifications(), devices, leaving(), mine()] }
}

/* Who they are ---------------------------------------------------------------------------------------------------- */

function person(me) {
  const name = input({ autocomplete: 'name', value: me.name, maxlength: '120', required: true })
  const nameRow = field(t('Name'), name)
  const born = !me.birth_date && input({ type: 'date', autocomplete: 'bday' })
  const store = h('div')
  offerStores(store, me)
  const save = button(t('Save'), null, { type: 'submit' })
  const form = h('form', { novalidate: true }, nameRow, born && field(t('Date of birth'), born, { help: t('Rewards need it. It can be said once.') }), store, facts(me), save)
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    if (!name.value.trim()) return nameRow.complain(t('Enter your name.'))
    const home = store.querySelector('select')?.value
    return busy(save, async () => {
      await change({ name: name.value.trim(), ...(born && born.value && { birth_date: born.value }), ...(home && { home_store: home }) })
      toast(t('Saved.'))
    })
  })
  return part(t('You'), {}, h('div.card', form))
}

/** Where there are several stores, one of them is the member's own: its hours and offers are theirs. */
async function offerStores(place, me) {
  const { stores = [] } = await programmeOf()
  if (stores.length < 2) return
  const options = stores.map(({ code, name }) => [code, name])
  place.replaceChildren(field(t('My shop'), select(me.home_store ? options : [['', t('None chosen')], ...options], me.home_store || '')))
}

function facts(me) {
  const rows = [[t('Email'), me.email], [t('Mobile number'), me.phone], [t('Date of birth'), me.birth_date && day(me.birth_date)], [t('Member since'), me.joined_at && day(me.joined_at)]]
  return h('dl.facts', ...rows.filter(([, value]) => value).map(([label, value]) => h('div', h('dt', label), h('dd', value))))
}

const programmeOf = () => freshOrLast('programme').catch(() => ({}))

async function change(fields) {
  await ask('me', { method: 'PATCH', body: fields })
  changed()
}

/* How it looks ---------------------------------------------------------------------------------------------------- */

function look() {
  const box = select(Object.entries(shop.languages), currentLanguage(), { autocomplete: 'language', onchange: () => speak(box.value) })
  const theme = localStorage.getItem('app-theme') || 'system'
  const themes = [['system', t('As the phone'), 'brightness-auto'], ['light', t('Light'), 'sun'], ['dark', t('Dark'), 'moon']]
  return part(t('How it looks'), {}, h('div.card', field(t('Language'), box), choice(t('Theme'), 'theme', themes, theme, paint)))
}

async function speak(code) {
  rememberLanguage(code)
  await useLanguage(code)
  await session.put(code, 'language')
  await change({ language: code }).catch((error) => toast(wordsOf(error), { tone: 'danger' }))
  document.dispatchEvent(new Event('frame'))
}

function paint(theme) {
  if (theme === 'system') localStorage.removeItem('app-theme')
  else localStorage.setItem('app-theme', theme)
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

/* What they get --------------------------------------------------------------------------------------------------- */

function consents(rows) {
  const place = h('div.card')
  const me = freshOrLast('me').catch(() => ({}))
  Promise.all([programmeOf(), me]).then(([programme, who]) => place.replaceChildren(...switches(rows, programme, who)))
  return part(t('What you get'), {}, h('p.small', t('Each of these is yours to switch off at any time. Your points do not depend on it.')), place)
}

/** What can reach them; and what they have allowed all the same, so that they can switch it off. */
function switches(rows, { topics = [], push_key: key }, { email = true, phone = true }) {
  const given = new Map(rows.map((row) => [`${row.channel} ${row.topic}`, row]))
  const all = topics.length ? topics : rows.filter(({ channel }) => key || channel !== 'push')
  const reach = { email, sms: phone, push: true }
  const open = all.filter(({ channel, topic }) => reach[channel] || given.get(`${channel} ${topic}`)?.is_granted)
  return open.map(({ channel, topic, wording }) => {
    const row = given.get(`${channel} ${topic}`)
    const note = row?.changed_at && (row.is_granted ? t('Switched on {moment}', { moment: moment(row.changed_at) }) : t('Switched off {moment}', { moment: moment(row.changed_at) }))
    return toggle(wording || row?.wording, { checked: Boolean(row?.is_granted), note, onchange: (box) => agree(box, { channel, topic, wording: wording || row?.wording }) })
  })
}

async function agree(box, { channel, topic, wording }) {
  box.disabled = true
  try {
    await ask('me/consents', { method: 'PUT', body: { channel, topic, is_granted: box.checked, wording } })
    changed()
  } catch (error) {
    box.checked = !box.checked
    toast(wordsOf(error), { tone: 'danger' })
  } finally {
    box.disabled = false
  }
}

/** Nothing is offered where the shop has no key, and so sends no push messages. */
function notifications() {
  const place = h('div')
  programmeOf().then(async ({ push_key: key }) => {
    if (key) place.replaceChildren(part(t('Notifications on this phone'), {}, await notifying()))
  })
  return place
}

async function notifying() {
  if (!canPush()) return h('p.small', t('This browser cannot show notifications. On an iPhone, put the app on your home screen first.'))
  return h('div.card', pushSwitch(await isSubscribed()))
}

function pushSwitch(isOn) {
  const note = isBlocked() ? t('Your browser blocks them. Allow notifications for this page in its settings.') : t('Only what you have agreed to above.')
  return toggle(t('Show notifications'), { checked: isOn, note, disabled: isBlocked(), onchange: turnPush })
}

async function turnPush(box) {
  const wanted = box.checked
  box.disabled = true
  try {
    if (!wanted) await unsubscribe()
    else if (!(await subscribe())) box.checked = false
  } catch (error) {
    box.checked = await isSubscribed()
    toast(error.name === 'AbortError' ? t('The push service cannot be reached. Try again later.') : wordsOf(error), { tone: 'danger' })
  } finally {
    box.disabled = false
  }
}

/* Phones ---------------------------------------------------------------------------------------------------------- */

function phones(rows) {
  const row = (device) => {
    const end = h('button.icon-button', { type: 'button', 'aria-label': t('Sign out {device}', { device: device.name }) }, icon('logout'))
    end.addEventListener('click', () => busy(end, () => revoke(device)))
    return h('div.row-flat', h('span.row-icon', icon('device-mobile')), h('span.row-text', h('strong', device.name), h('span.small', t('Last used {moment}', { moment: moment(device.last_seen_at) }))), device.is_current ? chip(t('This phone'), 'good') : end)
  }
  return part(t('Where you are signed in'), {}, list(rows.map(row)))
}

async function revoke(device) {
  const agreed = await confirm({ title: t('Sign out {device}?', { device: device.name }), text: t('Its card stops working at once.'), action: t('Sign out') })
  if (!agreed) return
  await ask(`me/devices/${device.id}`, { method: 'DELETE' })
  changed()
}

/* What is kept, and leaving --------------------------------------------------------------------------------------- */

function leaving() {
  const out = button(t('Sign out'), () => busy(out, leave), { name: 'logout' })
  return h('div.row', out)
}

function mine() {
  const save = button(t('Download my data'), () => busy(save, download), { name: 'download' })
  const end = button(t('Delete my account'), () => busy(end, remove), { name: 'trash', kind: 'danger-quiet' })
  return part(t('Your data'), {}, h('div.card', h('p.small', t('You can take along everything we keep about you, or have it deleted.')), h('div.row.is-stacked', save, end)))
}

async function leave() {
  await forget()
  toFront()
}

function toFront() {
  history.replaceState(null, '', '/')
  document.dispatchEvent(new Event('frame'))
}

async function download() {
  const response = await call('me/export')
  const url = URL.createObjectURL(await response.blob())
  const anchor = h('a', { href: url, download: `${shop.name}.json` })
  anchor.click()
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
  toast(t('It is in your downloads.'))
}

async function remove() {
  const typed = input({ autocomplete: 'off', spellcheck: 'false' })
  const row = field(t('Type “{shop}” to confirm', { shop: shop.name }), typed)
  const check = () => typed.value.trim() === shop.name || row.complain(t('That is not the name of the shop.'))
  const agreed = await confirm({
    title: t('Delete your account?'),
    text: t('Your name, addresses and consents are deleted, and your points and rewards with them. Nobody can bring them back.'),
    action: t('Delete for ever'),
    kind: 'danger',
    body: row,
    check,
  })
  if (!agreed) return
  await ask('me', { method: 'DELETE', body: { confirm: shop.name } })
  await forget()
  toFront()
}
