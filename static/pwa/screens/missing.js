/* An address that leads nowhere. */

import { t } from '../i18n.js'
import { empty, link } from '../ui.js'

export default function missing() {
  return { title: t('Not found'), body: empty('search', t('There is nothing here'), t('The link may be old.'), link(t('Home'), '/', { name: 'home', kind: 'primary' })) }
}
