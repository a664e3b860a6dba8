/* Draws each <div data-chart="JSON">, in the colours of the theme in force. */
'use strict'

const LIBRARY = document.querySelector('script[data-echarts]').dataset.echarts
const stillness = matchMedia('(prefers-reduced-motion: reduce)')
const charts = new Map()
let library

/** ECharts is a third of a megabyte: fetched once, on the first page that shows a chart. */
function load() {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement('script')
    script.src = LIBRARY
    script.onload = () => resolve(window.echarts)
    script.onerror = () => {
      library = undefined // the next chart asks again
      script.remove()
      reject(new Error(`${LIBRARY} could not be loaded`))
    }
    document.head.append(script)
  })
  return library
}

/* Colours and numbers -------------------------------------------------------------------------------------------- */

const pixel = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })

/** The value of a CSS variable as rgb(), whatever colour maths it is made of: the library blends no other notation. */
function colour(name, probe) {
  probe.style.color = `var(${name})`
  pixel.fillStyle = getComputedStyle(probe).color
  pixel.fillRect(0, 0, 1, 1)
  const [red, green, blue] = pixel.getImageData(0, 0, 1, 1).data
  return `rgb(${red}, ${green}, ${blue})`
}

function theme(element) {
  const probe = element.appendChild(document.createElement('span'))
  const read = (name) => colour(name, probe)
  const colours = {
    series: [1, 2, 3, 4, 5, 6, 7, 8].map((index) => read(`--chart-${index}`)),
    heat: [read('--chart-heat-low'), read('--chart-heat-high')],
    text: read('--text'),
    muted: read('--text-muted'),
    line: read('--line'),
    surface: read('--raised'),
  }
  probe.remove()
  return colours
}

function formatter({ format = 'number', currency = 'USD' }, notation = 'standard') {
  const styles = {
    money: { style: 'currency', currency, maximumFractionDigits: notation === 'compact' ? 1 : 2 },
    percent: { style: 'percent', maximumFractionDigits: 1 },
    number: { maximumFractionDigits: notation === 'compact' ? 1 : 2 },
  }
  const numbers = new Intl.NumberFormat(document.documentElement.lang, { ...styles[format], notation })
  return (value) => (value === null || value === undefined || value === '-' ? '–' : numbers.format(value))
}

/* Options by kind ------------------------------------------------------------------------------------------------ */

const axisText = (colours) => ({ color: colours.muted, fontSize: 12, hideOverlap: true })

/** Shares near 100 %: their axis ends there, and not at the next round number. */
function isNearlyWhole(data) {
  const top = Math.max(...data.series.flatMap((series) => series.values))
  return data.format === 'percent' && top > 0.75 && top <= 1
}

function cartesian(data, colours, narrow) {
  const compact = formatter(data, 'compact')
  const sideways = data.kind === 'bars'
  const names = {
    type: 'category',
    data: data.labels,
    inverse: sideways,
    boundaryGap: data.kind !== 'line' && data.kind !== 'area',
    axisTick: { show: false },
    axisLine: { lineStyle: { color: colours.line } },
    axisLabel: { ...axisText(colours), ...(sideways && { width: narrow ? 110 : 160, overflow: 'truncate' }) },
  }
  const values = {
    type: 'value',
    splitNumber: narrow ? 3 : 4,
    ...(isNearlyWhole(data) && { max: 1, interval: narrow ? 0.5 : 0.25 }),
    axisLabel: { ...axisText(colours), formatter: compact },
    splitLine: { lineStyle: { color: colours.line } },
  }
  return {
    grid: { left: 4, right: 12, top: data.series.length > 1 ? 40 : 12, bottom: 4, outerBoundsMode: 'same' },
    legend: { show: data.series.length > 1, left: 0, top: 0, ...legendLook(colours) },
    xAxis: sideways ? values : names,
    yAxis: sideways ? names : values,
    series: data.series.map((series, index) => oneSeries(data, series, colours.series[index % 8])),
  }
}

function oneSeries(data, { name, values }, hue) {
  const stack = data.stacked ? 'all' : undefined
  if (data.kind === 'bar' || data.kind === 'bars') {
    const round = data.kind === 'bars' ? [0, 3, 3, 0] : [3, 3, 0, 0]
    return { type: 'bar', name, data: values, stack, barMaxWidth: 28, itemStyle: { color: hue, borderRadius: stack ? 0 : round } }
  }
  return {
    type: 'line', name, data: values, stack, smooth: 0.2, symbol: 'circle', symbolSize: 6,
    showSymbol: values.length === 1, color: hue, lineStyle: { width: 2 },
    areaStyle: data.kind === 'area' ? { color: hue, opacity: stack ? 0.35 : 0.1 } : undefined,
  }
}

const legendLook = (colours) => ({
  type: 'scroll', icon: 'roundRect', itemWidth: 10, itemHeight: 10, itemGap: 16,
  textStyle: { color: colours.text, fontSize: 12 }, pageTextStyle: { color: colours.muted },
})

function donut(data, colours, narrow) {
  const [{ values }] = data.series
  return {
    legend: { orient: narrow ? 'horizontal' : 'vertical', left: narrow ? 'center' : '58%', [narrow ? 'bottom' : 'top']: narrow ? 0 : 'middle', ...legendLook(colours) },
    series: [{
      type: 'pie', radius: ['58%', '84%'], center: narrow ? ['50%', '42%'] : ['28%', '50%'],
      data: data.labels.map((name, index) => ({ name, value: values[index] })),
      color: colours.series, label: { show: false }, itemStyle: { borderColor: colours.surface, borderWidth: 2 },
    }],
  }
}

function funnel(data, colours) {
  const show = formatter(data)
  const [{ values }] = data.series
  return {
    series: [{
      type: 'funnel', sort: 'none', left: 0, right: '42%', top: 4, bottom: 4, gap: 3, minSize: '4%',
      data: data.labels.map((name, index) => ({ name, value: values[index] })),
      color: [colours.series[0]], label: { position: 'right', color: colours.text, fontSize: 12, formatter: ({ name, value }) => `${name}  ${show(value)}` },
      labelLine: { lineStyle: { color: colours.line } }, itemStyle: { borderWidth: 0 },
    }],
  }
}

function heatmap(data, colours, narrow) {
  const cells = data.series.flatMap(({ values }, row) => values.map((value, column) => [column, row, value ?? '-']))
  const known = cells.map(([, , value]) => value).filter((value) => value !== '-')
  const axis = (labels) => ({
    type: 'category', data: labels, axisTick: { show: false }, axisLine: { show: false }, axisLabel: axisText(colours),
  })
  return {
    grid: { left: 4, right: 4, top: 4, bottom: 4, outerBoundsMode: 'same' },
    xAxis: axis(data.labels),
    yAxis: { ...axis(data.series.map(({ name }) => name)), inverse: true },
    visualMap: { show: false, min: Math.min(0, ...known), max: Math.max(...known, 0), inRange: { color: colours.heat } },
    series: [{
      type: 'heatmap', data: cells, itemStyle: { borderColor: colours.surface, borderWidth: 2, borderRadius: 4 },
      label: { show: false, fontSize: narrow ? 10 : 12 }, emphasis: { itemStyle: { borderColor: colours.text } },
    }],
  }
}

/** A dot for each label, and the line between the bounds it may lie in. Series: the value, the least, the most. */
function intervals(data, colours, narrow) {
  const [values, low, high] = data.series.map((series) => series.values)
  const rows = data.labels.map((_, row) => [values[row], low[row], high[row], row])
  const compact = formatter(data, 'compact')
  const line = (params, api) => {
    const [from, to] = [1, 2].map((bound) => api.coord([api.value(bound), api.value(3)]))
    const dot = api.coord([api.value(0), api.value(3)])
    const leavesZeroOut = api.value(1) > 0 || api.value(2) < 0
    const hue = leavesZeroOut ? colours.series[0] : colours.series[7]
    const stroke = { stroke: hue, lineWidth: 3, lineCap: 'round', fill: null }
    const cap = (x) => ({ type: 'line', shape: { x1: x, x2: x, y1: dot[1] - 6, y2: dot[1] + 6 }, style: stroke })
    return {
      type: 'group',
      children: [
        { type: 'line', shape: { x1: from[0], x2: to[0], y1: dot[1], y2: dot[1] }, style: stroke },
        cap(from[0]), cap(to[0]),
        { type: 'circle', shape: { cx: dot[0], cy: dot[1], r: 6 }, style: { fill: hue, stroke: colours.surface, lineWidth: 2 } },
      ],
    }
  }
  return {
    grid: { left: 4, right: 24, top: 12, bottom: 4, outerBoundsMode: 'same' },
    xAxis: {
      type: 'value', splitNumber: narrow ? 3 : 5, axisLabel: { ...axisText(colours), formatter: compact },
      splitLine: { lineStyle: { color: colours.line } }, scale: false,
    },
    yAxis: {
      type: 'category', data: data.labels, inverse: true, axisTick: { show: false }, axisLine: { show: false },
      axisLabel: { ...axisText(colours), width: narrow ? 110 : 180, overflow: 'truncate' },
    },
    series: [{
      type: 'custom', renderItem: line, clip: true, encode: { x: [0, 1, 2], y: 3 },
      data: rows.filter(([value]) => value !== null),
      markLine: { silent: true, symbol: 'none', label: { show: false }, lineStyle: { color: colours.muted, type: 'solid', width: 1 }, data: [{ xAxis: 0 }] },
    }],
  }
}

const KINDS = { line: cartesian, area: cartesian, bar: cartesian, bars: cartesian, donut, funnel, heatmap, intervals }
const SAYINGS = {
  heatmap: (data, show) => ({ value: [column, row, value] }) => `${data.series[row].name}, ${data.labels[column]}: ${show(value)}`,
  intervals: (data, show) => ({ value: [value, low, high, row] }) => `${data.labels[row]}: ${show(value)}\nbetween ${show(low)} and ${show(high)}`,
}

function tooltip(data, colours) {
  const show = formatter(data)
  return {
    trigger: KINDS[data.kind] === cartesian ? 'axis' : 'item',
    // Drawn as SVG text, because the HTML one needs inline styles.
    renderMode: 'richText',
    axisPointer: { type: data.kind.startsWith('bar') ? 'shadow' : 'line', lineStyle: { color: colours.muted }, shadowStyle: { color: colours.muted, opacity: 0.08 } },
    backgroundColor: colours.surface, borderColor: colours.line, borderWidth: 1, padding: [8, 12],
    textStyle: { color: colours.text, fontSize: 12 },
    confine: true,
    valueFormatter: show,
    formatter: SAYINGS[data.kind]?.(data, show),
  }
}

function options(data, element) {
  const colours = theme(element)
  const narrow = element.clientWidth < 480
  return {
    animation: !stillness.matches,
    animationDuration: 300,
    aria: { enabled: true, label: { description: data.summary } },
    textStyle: { fontFamily: getComputedStyle(element).fontFamily },
    tooltip: tooltip(data, colours),
    ...KINDS[data.kind](data, colours, narrow),
  }
}

/* Life of a chart ------------------------------------------------------------------------------------------------ */

async function draw(element) {
  const source = element.dataset.chart
  if (charts.get(element)?.source === source) return
  forget(element)
  charts.set(element, { source })
  const echarts = await load().catch(() => tabulate(element))
  if (!echarts || !element.isConnected) return charts.delete(element)
  if (element.dataset.chart !== source) return // changed meanwhile: drawn by whoever changed it
  const data = JSON.parse(source)
  const chart = echarts.init(element, null, { renderer: 'svg' })
  const render = () => chart.setOption(options(data, element), true)
  const watcher = new ResizeObserver(() => {
    chart.resize()
    render()
  })
  render()
  watcher.observe(element)
  charts.set(element, { source, chart, render, watcher })
  element.classList.add('is-drawn')
}

/** Without the library the numbers are still there: the table that stands for the picture takes its place. */
function tabulate(element) {
  element.hidden = true
  element.parentElement.querySelector('.visually-hidden')?.classList.remove('visually-hidden')
}

function forget(element) {
  const known = charts.get(element)
  charts.delete(element)
  known?.watcher?.disconnect()
  known?.chart?.dispose()
}

const drawAll = (root) => {
  if (root.matches?.('[data-chart]')) draw(root)
  root.querySelectorAll('[data-chart]').forEach(draw)
}

drawAll(document)
document.addEventListener('htmx:load', ({ detail }) => drawAll(detail.elt))
document.addEventListener('htmx:beforeCleanupElement', ({ detail }) => forget(detail.elt))
document.addEventListener('themechange', () => charts.forEach((known) => known.render?.()))
