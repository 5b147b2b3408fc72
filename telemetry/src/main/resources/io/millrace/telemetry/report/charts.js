
/** A number with as many digits as it needs beside others of a scale. */
const figure = value => {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2).replace('e+', 'e');
  return String(Number(value.toPrecision(5)));
};

/**
 * Curves over steps. A series has a name, a colour's name, xs, ys (null where there is no value), and may have dots.
 * With the pointer, or with the arrow keys where the chart has the focus, a step is chosen and its values are told.
 */
class LineChart {
  static PAD = {left: 58, right: 10, top: 10, bottom: 24};

  constructor(title, series, {height = 170, format = figure, least = null, note = ''} = {}) {
    Object.assign(this, {title, series, height, format, least, note});
    this.xs = [...new Set(series.flatMap(one => one.xs))].sort((a, b) => a - b);
    this.at = -1;
    this.told = make('span', {}, note);
    this.svg = make('svg', {tabindex: '0', role: 'img', 'aria-label': this.spoken(), style: 'height:' + height + 'px'});
    this.live = make('p', {class: 'spoken', 'aria-live': 'polite'});
    this.element = make('figure', {class: 'chart'}, make('figcaption', {}, make('b', {}, title), this.told), this.svg, this.live);
    this.svg.addEventListener('pointermove', event => this.choose(this.nearest(event.clientX - this.svg.getBoundingClientRect().left)));
    this.svg.addEventListener('pointerleave', () => this.choose(-1));
    this.svg.addEventListener('blur', () => this.choose(-1));
    this.svg.addEventListener('keydown', event => this.key(event));
    new ResizeObserver(() => this.draw()).observe(this.svg);
  }

  spoken() {
    const parts = this.series.filter(one => one.xs.length > 0).map(one => {
      const known = one.ys.filter(value => value !== null);
      return known.length === 0 ? '' : one.name + ' from ' + this.format(known[0]) + ' to ' + this.format(known.at(-1));
    });
    return this.title + ' over steps ' + this.xs[0] + ' to ' + this.xs.at(-1) + ': ' + parts.filter(Boolean).join(', ');
  }

  key(event) {
    const last = this.xs.length - 1;
    const stride = Math.max(1, Math.round(this.xs.length / 50));
    const to = {ArrowRight: this.at + stride, ArrowLeft: this.at < 0 ? last : this.at - stride, Home: 0, End: last, Escape: -1}[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.choose(event.key === 'Escape' ? -1 : Math.min(last, Math.max(0, to)));
    this.live.textContent = this.at < 0 ? '' : this.told.textContent;
  }

  nearest(px) {
    const step = this.first + (px - LineChart.PAD.left) / this.plotWidth * (this.last - this.first);
    let low = 0, high = this.xs.length - 1;
    while (high - low > 1) { const middle = (low + high) >> 1; if (this.xs[middle] < step) low = middle; else high = middle; }
    return step - this.xs[low] < this.xs[high] - step ? low : high;
  }

  choose(index) {
    this.at = index;
    if (index < 0) { this.told.textContent = this.note; }
    else {
      const x = this.xs[index];
      const values = this.series.map(one => {
        const i = one.xs.indexOf(x);
        return i < 0 || one.ys[i] === null ? '' : (this.series.length > 1 ? one.name + ' ' : '') + this.format(one.ys[i]);
      });
      this.told.textContent = 'step ' + x.toLocaleString('en') + ': ' + values.filter(Boolean).join(', ');
    }
    this.mark();
  }

  mark() {
    this.cursor?.remove();
    if (this.at < 0) return;
    const x = this.x(this.xs[this.at]);
    this.cursor = make('line', {class: 'cursor', x1: x, x2: x, y1: LineChart.PAD.top, y2: this.height - LineChart.PAD.bottom});
    this.svg.append(this.cursor);
  }

  draw() {
    const width = this.svg.clientWidth;
    if (width === 0) return;
    const {left, right, top, bottom} = LineChart.PAD;
    const known = this.series.flatMap(one => one.ys).filter(value => value !== null);
    let low = this.least ?? Math.min(...known), high = Math.max(...known);
    if (high <= low) { const room = Math.abs(high) * 0.1 || 1; low = this.least ?? low - room; high += room; }
    const grain = niceStep((high - low) / (this.height < 220 ? 3 : 6));
    low = Math.floor(low / grain + 1e-9) * grain;
    high = Math.ceil(high / grain - 1e-9) * grain;
    this.plotWidth = width - left - right;
    this.first = this.xs[0];
    this.last = this.xs.at(-1) === this.first ? this.first + 1 : this.xs.at(-1);
    this.x = step => left + (step - this.first) / (this.last - this.first) * this.plotWidth;
    const y = value => top + (high - value) / (high - low) * (this.height - top - bottom);
    this.svg.setAttribute('viewBox', `0 0 ${width} ${this.height}`);
    const parts = [];
    for (let value = low; value <= high + grain / 2; value += grain) {
      parts.push(make('line', {class: 'grid', x1: left, x2: width - right, y1: y(value), y2: y(value)}),
        make('text', {x: left - 7, y: y(value) + 4, 'text-anchor': 'end'}, this.format(Math.abs(value) < grain / 1e6 ? 0 : value)));
    }
    const stride = Math.max(1, niceStep((this.last - this.first) / Math.max(2, this.plotWidth / 60)));
    for (let step = Math.ceil(this.first / stride) * stride; step <= this.last; step += stride) {
      parts.push(make('text', {x: this.x(step), y: this.height - 6, 'text-anchor': 'middle'}, step.toLocaleString('en')));
    }
    for (const one of this.series) parts.push(...this.curve(one, y));
    this.svg.replaceChildren(...parts);
    this.mark();
  }

  curve(one, y) {
    const points = one.xs.map((x, i) => one.ys[i] === null ? null : [this.x(x).toFixed(1), y(one.ys[i]).toFixed(1)]).filter(Boolean);
    if (points.length === 0) return [];
    const style = 'stroke: var(--' + one.colour + ')' + (one.dashed ? ';stroke-dasharray: 6 4' : '');
    const path = make('path', {class: 'line' + (one.faint ? ' faint' : ''), style, d: 'M' + points.map(point => point.join(' ')).join('L')});
    const dots = one.dots || points.length === 1;
    return [path, ...(dots ? points.map(([x, at]) => make('path', {class: 'dots', style, d: `M${x} ${at}h0`})) : [])];
  }
}

/** What the colours of several curves mean. */
function legend(series) {
  return make('ul', {class: 'legend'}, ...series.map(one =>
    make('li', {}, make('i', {style: background(one.colour)}), one.name)));
}
