/* QR codes, drawn and read. Reading is fetched only when the camera needs it and the browser has nothing of its own. */

import encodeQR from '../vendor/qr/index.js'

const SVG = 'http://www.w3.org/2000/svg'
const QUIET = 2

/** A QR code as a picture. `label` says what it is to whoever cannot see it. */
export function qrPicture(text, label) {
  const rows = encodeQR(text, 'raw', { border: QUIET, ecc: 'medium' })
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('viewBox', `0 0 ${rows.length} ${rows.length}`)
  svg.setAttribute('role', 'img')
  svg.setAttribute('aria-label', label)
  svg.setAttribute('shape-rendering', 'crispEdges')
  svg.classList.add('qr')
  const path = document.createElementNS(SVG, 'path')
  path.setAttribute('d', rows.flatMap((row, y) => runs(row).map(([x, width]) => `M${x} ${y}h${width}v1h-${width}z`)).join(''))
  svg.append(path)
  return svg
}

/** The dark runs of a row as [from, length]. */
function runs(row) {
  const found = []
  row.forEach((isDark, x) => {
    if (!isDark) return
    const last = found.at(-1)
    if (last && last[0] + last[1] === x) last[1] += 1
    else found.push([x, 1])
  })
  return found
}

/** A detector with the browser's own interface, by the browser or by the library. */
export async function qrDetector() {
  const formats = (await globalThis.BarcodeDetector?.getSupportedFormats().catch(() => [])) || []
  if (formats.includes('qr_code')) return new globalThis.BarcodeDetector({ formats: ['qr_code'] })
  const { BarcodeDetector } = await import('../vendor/qr/decode.js')
  return new BarcodeDetector({ formats: ['qr_code'] })
}
