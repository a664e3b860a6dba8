/* Bringing friends: the link, who came by it, and what comes next. */

import { h } from '../dom.js'
import { day, n, number, shop, signed, t } from '../i18n.js'
import { icon } from '../icons.js'
import { live } from '../live.js'
import { button, chip, empty, list, part, skeleton, toast } from '../ui.js'

export default function friends(params, signal) {
  const place = h('div')
  live('me/invite', place, draw, { signal, bones: skeleton('card', 2) })
  return { title: t('Friends'), body: place }
}

function draw(invite) {
  return [invitation(invite), milestones(invite), brought(invite.friends)]
}

function invitation(invite) {
  const share = () => shareLink(invite.url)
  return h(
    'section.card.invite',
    h('h2', t('Invite a friend, and both of you get points')),
    h('dl.both', h('div', h('dt', t('Your friend gets')), h('dd', h('strong', number(invite.friend_points)), ' ', n('point', 'points', invite.friend_points))), h('div', h('dt', t('You get')), h('dd', h('strong', number(invite.referrer_points)), ' ', n('point', 'points', invite.referrer_points)))),
    h('p.small', t('As soon as your friend has shopped for the first time.')),
    h('p.invite-link', { translate: 'no' }, invite.url.replace(/^https?:\/\//, '')),
    h('div.row', navigator.share && button(t('Share'), share, { kind: 'primary', name: 'share' }), button(t('Copy the link'), () => copyLink(invite.url), { name: 'copy', kind: navigator.share ? '' : 'primary' })),
  )
}

async function shareLink(url) {
  try {
    await navigator.share({ title: shop.name, text: t('Join me at {shop}: we both get points.', { shop: shop.name }), url })
  } catch (error) {
    if (error.name !== 'AbortError') await copyLink(url)
  }
}

async function copyLink(url) {
  try {
    await navigator.clipboard.writeText(url)
    toast(t('Copied. Paste it into a message to your friend.'))
  } catch {
    toast(url, { stays: true })
  }
}

function milestones({ milestones: steps, friends: brought }) {
  if (!steps?.length) return null
  const came = brought.filter(({ status }) => status === 'rewarded').length
  const row = ({ friends: needed, points }) =>
    h('div.row-flat', h(`span.row-icon${came >= needed ? '.is-accent' : ''}`, icon(came >= needed ? 'circle-check' : 'award')), h('span.row-text', h('strong', n('{count} friend', '{count} friends', needed)), h('progress', { max: String(needed), value: String(Math.min(came, needed)), 'aria-label': n('{count} friend', '{count} friends', needed) })), h('span.row-points', signed(points)))
  return part(t('Milestones'), {}, list(steps.map(row)))
}

function brought(rows) {
  if (!rows.length) return empty('users', t('Nobody has joined by your link yet'), t('Send it to a friend who would like it here.'))
  const states = { joined: [t('Joined'), ''], held: [t('Being checked'), 'warn'], rewarded: [t('Points are yours'), 'good'], refused: [t('Not counted'), ''] }
  const row = ({ name, status, joined_at: at }) => h('div.row-flat', h('span.row-icon', icon('user')), h('span.row-text', h('strong', name || t('A friend')), h('span.small', day(at))), chip(...(states[status] || [status])))
  return part(t('Your friends'), {}, list(rows.map(row)))
}
