/* On a phone: the places that do not fit on the tab bar. */

import { h } from '../dom.js'
import { shop, t } from '../i18n.js'
import { icon } from '../icons.js'
import { furtherPlaces } from '../layout.js'
import { live } from '../live.js'
import { list } from '../ui.js'

export default function more(params, signal) {
  const who = h('div')
  live('me', who, (me) => h('p.lead', [me.name, me.email || me.phone].filter(Boolean).join(' · ')), { signal, quiet: true })
  const row = ([path, symbol, label]) => h('a.row-link', { href: path }, h('span.row-icon', icon(symbol)), h('span.row-text', h('strong', label)), icon('chevron-right'))
  return { title: t('More'), body: [who, list(furtherPlaces().map(row), shop.name)] }
}
