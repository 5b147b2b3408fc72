'use strict';

/** The lanes over time: drawing, moving, zooming, and finding what is under a pointer. */
class Timeline {
  static LANES = ['nvme-read', 'h2d', 'compute', 'd2h', 'nvme-write'];
  static LABEL_WIDTH = 92;
  static AXIS = 26;
  static GAP = 8;
  static ROW = 46;
  static IDLE_ROW = 12;

  constructor(canvas, overview, data, listener) {
    this.canvas = canvas;
    this.overview = overview;
    this.listener = listener;
    this.steps = data.steps;
    this.blocks = data.blocks;
    this.lanes = Timeline.LANES.map(name => this.laneOf(name, data.spans[name]));
    const ends = this.lanes.flatMap(lane => lane.spans.map(span => span.start + span.length));
    const starts = this.lanes.flatMap(lane => lane.spans.map(span => span.start));
    this.first = starts.reduce((least, value) => Math.min(least, value), this.steps[0].start_us);
    this.last = ends.reduce((most, value) => Math.max(most, value), this.steps.at(-1).end_us);
    this.idle = this.gaps();
    const [top, height] = this.row(this.lanes.length - 1);
    this.bottom = top + height + 2;
    this.selected = null;
    this.show(this.first, this.last);
    this.listen();
  }

  /** Spans of a lane; those that overlap get tracks of their own. */
  laneOf(name, rows) {
    const ends = [];
    const spans = rows.map(([block, step, start, length, bytes]) => {
      let track = ends.findIndex(end => end <= start);
      if (track < 0) track = ends.length;
      ends[track] = start + length;
      return {lane: name, block, step, start, length, bytes, track};
    });
    const longest = spans.reduce((most, span) => Math.max(most, span.length), 0);
    return {name, spans, tracks: Math.max(1, ends.length), longest};
  }

  /** Where nothing computes, within the measured steps. */
  gaps() {
    const compute = this.lanes[2].spans;
    const gaps = [];
    for (const step of this.steps) {
      let from = step.start_us;
      for (const span of compute) {
        if (span.start + span.length <= step.start_us || span.start >= step.end_us) continue;
        if (span.start > from) gaps.push([from, span.start]);
        from = Math.max(from, span.start + span.length);
      }
      if (step.end_us > from) gaps.push([from, step.end_us]);
    }
    return gaps;
  }

  show(from, to) {
    const least = 1;
    const most = this.last - this.first;
    const length = Math.min(most, Math.max(least, to - from));
    this.from = Math.min(Math.max(from, this.first), this.last - length);
    this.to = this.from + length;
    this.canvas.dataset.from = this.from;
    this.canvas.dataset.to = this.to;
    this.draw();
  }

  zoom(factor, at = (this.from + this.to) / 2) {
    this.show(at - (at - this.from) * factor, at + (this.to - at) * factor);
    this.listener.moved();
  }

  move(share) {
    const by = (this.to - this.from) * share;
    this.show(this.from + by, this.to + by);
    this.listener.moved();
  }

  x(time) {
    return Timeline.LABEL_WIDTH + (time - this.from) / (this.to - this.from) * (this.width - Timeline.LABEL_WIDTH);
  }

  time(x) {
    return this.from + (x - Timeline.LABEL_WIDTH) / (this.width - Timeline.LABEL_WIDTH) * (this.to - this.from);
  }

  /** Top and height of a lane; one that did nothing is a thin line. */
  row(index) {
    let top = Timeline.AXIS;
    for (let i = 0; i < index; i++) top += this.height(i) + Timeline.GAP;
    return [top, this.height(index)];
  }

  height(index) {
    return this.lanes[index].spans.length ? Timeline.ROW : Timeline.IDLE_ROW;
  }

  draw() {
    this.width = this.canvas.clientWidth || 1000;
    const pen = Timeline.pen(this.canvas, this.width, this.bottom);
    const style = getComputedStyle(document.documentElement);
    this.color = name => style.getPropertyValue('--' + name).trim();
    this.drawAxis(pen);
    this.lanes.forEach((lane, index) => this.drawLane(pen, lane, index));
    this.drawSelected(pen);
    this.drawOverview();
  }

  static pen(canvas, width, height) {
    const scale = window.devicePixelRatio || 1;
    canvas.style.height = height + 'px';
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const pen = canvas.getContext('2d');
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.font = '12px Inter, system-ui, "Segoe UI", "Liberation Sans", Arial, sans-serif';
    pen.textBaseline = 'middle';
    return pen;
  }

  drawAxis(pen) {
    pen.save();
    pen.beginPath();
    pen.rect(Timeline.LABEL_WIDTH, 0, this.width - Timeline.LABEL_WIDTH, this.bottom);
    pen.clip();
    const tick = niceStep((this.to - this.from) / Math.max(2, (this.width - Timeline.LABEL_WIDTH) / 110));
    for (let time = Math.ceil(this.from / tick) * tick; time <= this.to; time += tick) {
      const x = Math.round(this.x(time)) + 0.5;
      pen.strokeStyle = this.color('rule');
      line(pen, x, Timeline.AXIS, x, this.bottom);
      pen.fillStyle = this.color('soft');
      pen.fillText(formatTime(time, tick), x + 4, Timeline.AXIS / 2 + 1);
    }
    for (const step of this.steps) {
      const x = Math.round(this.x(step.start_us)) + 0.5;
      pen.strokeStyle = this.color('faint');
      line(pen, x, Timeline.AXIS - 4, x, this.bottom);
    }
    pen.restore();
  }

  drawLane(pen, lane, index) {
    const [top, height] = this.row(index);
    pen.fillStyle = this.color(lane.spans.length ? 'ink' : 'faint');
    pen.fillText(lane.name, 0, top + height / 2 + 1);
    pen.save();
    pen.beginPath();
    pen.rect(Timeline.LABEL_WIDTH, top, this.width - Timeline.LABEL_WIDTH, height);
    pen.clip();
    pen.fillStyle = this.color('wash');
    pen.fillRect(Timeline.LABEL_WIDTH, top, this.width, height);
    if (lane.name === 'compute') this.hatch(pen, top, height);
    const fill = this.color(lane.name);
    const ink = this.color('on-' + lane.name);
    const part = height / lane.tracks;
    for (const span of this.visible(lane)) {
      const left = this.x(span.start);
      const wide = Math.max(0.8, this.x(span.start + span.length) - left);
      const y = top + span.track * part;
      pen.fillStyle = fill;
      pen.fillRect(left, y, wide > 3 ? wide - 1 : wide, part - (lane.tracks > 1 ? 1 : 0));
      const text = this.label(span);
      if (part > 13 && wide > 14 && pen.measureText(text).width < wide - 8) {
        pen.fillStyle = ink;
        pen.fillText(text, Math.max(left, Timeline.LABEL_WIDTH) + 4, y + part / 2 + 1);
      }
    }
    pen.restore();
  }

  hatch(pen, top, height) {
    pen.strokeStyle = this.color('faint');
    pen.lineWidth = 1;
    for (const [from, to] of this.idle) {
      if (to < this.from || from > this.to) continue;
      const left = Math.max(this.x(from), Timeline.LABEL_WIDTH);
      const right = Math.min(this.x(to), this.width);
      pen.save();
      pen.beginPath();
      pen.rect(left, top, right - left, height);
      pen.clip();
      const begin = Math.floor((left - height) / 6) * 6;
      for (let x = begin; x < right; x += 6) line(pen, x, top + height, x + height, top);
      pen.restore();
    }
  }

  label(span) {
    return span.block < 0 ? '' : String(span.block);
  }

  /** Spans that show; those of a lane are in order of start, and none is longer than the longest. */
  visible(lane) {
    let low = 0;
    let high = lane.spans.length;
    const before = this.from - lane.longest;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (lane.spans[middle].start < before) low = middle + 1; else high = middle;
    }
    const shown = [];
    for (let i = low; i < lane.spans.length && lane.spans[i].start <= this.to; i++) {
      if (lane.spans[i].start + lane.spans[i].length >= this.from) shown.push(lane.spans[i]);
    }
    return shown;
  }

  drawSelected(pen) {
    if (!this.selected) return;
    const index = Timeline.LANES.indexOf(this.selected.lane);
    const [top, height] = this.row(index);
    const part = height / this.lanes[index].tracks;
    const left = Math.max(this.x(this.selected.start), Timeline.LABEL_WIDTH);
    const right = Math.min(this.x(this.selected.start + this.selected.length), this.width);
    if (right < Timeline.LABEL_WIDTH || left > this.width) return;
    pen.strokeStyle = this.color('ink');
    pen.lineWidth = 2;
    pen.strokeRect(left, top + this.selected.track * part, Math.max(2, right - left - 1), part);
  }

  drawOverview() {
    const height = 34;
    const width = this.overview.clientWidth || this.width;
    const pen = Timeline.pen(this.overview, width, height);
    const left = Timeline.LABEL_WIDTH;
    const at = time => left + (time - this.first) / (this.last - this.first) * (width - left);
    pen.fillStyle = this.color('soft');
    pen.fillText('everything', 0, height / 2);
    pen.fillStyle = this.color('wash');
    pen.fillRect(left, 0, width - left, height);
    this.lanes.forEach((lane, index) => {
      pen.fillStyle = this.color(lane.name);
      const row = (height - 6) / this.lanes.length;
      for (const span of lane.spans) {
        pen.fillRect(at(span.start), 3 + index * row, Math.max(0.5, at(span.start + span.length) - at(span.start)), row - 1);
      }
    });
    pen.strokeStyle = this.color('ink');
    pen.lineWidth = 1.5;
    pen.strokeRect(at(this.from) + 0.75, 0.75, Math.max(3, at(this.to) - at(this.from) - 1.5), height - 1.5);
  }

  /** The span at a place, within a few pixels. */
  find(x, y) {
    const index = this.lanes.findIndex((_, i) => y >= this.row(i)[0] && y <= this.row(i)[0] + this.row(i)[1]);
    if (index < 0 || x < Timeline.LABEL_WIDTH) return null;
    const lane = this.lanes[index];
    const [top, height] = this.row(index);
    const track = Math.floor((y - top) / (height / lane.tracks));
    let best = null;
    let nearest = 3;
    for (const span of this.visible(lane)) {
      if (lane.tracks > 1 && span.track !== track) continue;
      const left = this.x(span.start);
      const right = this.x(span.start + span.length);
      const distance = x < left ? left - x : x > right ? x - right : 0;
      if (distance < nearest) { nearest = distance; best = span; }
    }
    return best;
  }

  select(span) {
    this.selected = span;
    if (span) {
      const length = this.to - this.from;
      if (span.start < this.from || span.start + span.length > this.to) {
        const middle = span.start + span.length / 2;
        this.show(middle - length / 2, middle + length / 2);
        this.listener.moved();
      }
    }
    this.draw();
    this.listener.chosen(span);
  }

  /** The span before or after the chosen one in its lane, or the first that shows. */
  neighbour(by) {
    if (!this.selected) {
      const lane = this.lanes.find(each => this.visible(each).length > 0);
      return lane ? this.visible(lane)[0] : null;
    }
    const spans = this.lanes[Timeline.LANES.indexOf(this.selected.lane)].spans;
    return spans[spans.indexOf(this.selected) + by] || this.selected;
  }

  /** The span of another lane that is nearest in time. */
  across(by) {
    if (!this.selected) return this.neighbour(0);
    const middle = this.selected.start + this.selected.length / 2;
    for (let i = Timeline.LANES.indexOf(this.selected.lane) + by; i >= 0 && i < this.lanes.length; i += by) {
      const spans = this.lanes[i].spans;
      if (spans.length) {
        return spans.reduce((a, b) =>
          Math.abs(b.start + b.length / 2 - middle) < Math.abs(a.start + a.length / 2 - middle) ? b : a);
      }
    }
    return this.selected;
  }

  listen() {
    const pointers = new Map();
    const canvas = this.canvas;
    canvas.addEventListener('wheel', event => {
      if (!event.ctrlKey && !event.metaKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) this.zoom(Math.exp(event.deltaY * 0.004), this.time(event.offsetX));
      else this.move(event.deltaX / this.width);
    }, {passive: false});
    canvas.addEventListener('pointerdown', event => {
      canvas.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, event.offsetX);
      canvas.classList.add('dragging');
    });
    canvas.addEventListener('pointermove', event => this.pointerMoved(event, pointers));
    const up = event => {
      pointers.delete(event.pointerId);
      canvas.classList.remove('dragging');
    };
    canvas.addEventListener('pointerup', up);
    canvas.addEventListener('pointercancel', up);
    canvas.addEventListener('pointerleave', () => this.listener.hovered(null));
    canvas.addEventListener('dblclick', event => {
      const span = this.find(event.offsetX, event.offsetY);
      if (span) { this.show(span.start - span.length * 2, span.start + span.length * 3); this.listener.moved(); }
    });
    canvas.addEventListener('keydown', event => this.key(event));
    const jump = event => {
      if (event.type === 'pointermove' && event.buttons !== 1) return;
      const share = (event.offsetX - Timeline.LABEL_WIDTH) / (this.overview.clientWidth - Timeline.LABEL_WIDTH);
      const middle = this.first + share * (this.last - this.first);
      const half = (this.to - this.from) / 2;
      this.show(middle - half, middle + half);
      this.listener.moved();
    };
    this.overview.addEventListener('pointerdown', jump);
    this.overview.addEventListener('pointermove', jump);
    new ResizeObserver(() => this.draw()).observe(canvas.parentElement);
    for (const query of ['(prefers-color-scheme: dark)', 'print']) {
      matchMedia(query).addEventListener('change', () => this.draw());
    }
    window.addEventListener('beforeprint', () => this.draw());
    window.addEventListener('afterprint', () => this.draw());
  }

  pointerMoved(event, pointers) {
    const before = pointers.get(event.pointerId);
    if (before === undefined) {
      const span = this.find(event.offsetX, event.offsetY);
      this.listener.hovered(span, event.offsetX, event.offsetY);
      return;
    }
    this.listener.hovered(null);
    if (pointers.size === 2) {
      const other = [...pointers.entries()].find(([id]) => id !== event.pointerId)[1];
      const was = Math.abs(before - other);
      const is = Math.abs(event.offsetX - other);
      if (was > 8 && is > 8) this.zoom(was / is, this.time((event.offsetX + other) / 2));
    } else {
      this.move((before - event.offsetX) / (this.width - Timeline.LABEL_WIDTH));
    }
    pointers.set(event.pointerId, event.offsetX);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const actions = {
      'ArrowLeft': () => this.move(-0.15), 'ArrowRight': () => this.move(0.15),
      'ArrowUp': () => this.select(this.across(-1)), 'ArrowDown': () => this.select(this.across(1)),
      '+': () => this.zoom(0.6), '=': () => this.zoom(0.6), '-': () => this.zoom(1 / 0.6),
      '0': () => { this.show(this.first, this.last); this.listener.moved(); },
      'Home': () => this.move(-1e9), 'End': () => this.move(1e9),
      'n': () => this.select(this.neighbour(1)), 'p': () => this.select(this.neighbour(-1)),
      'Escape': () => this.select(null),
    };
    const action = actions[event.key];
    if (action) { event.preventDefault(); action(); }
  }
}

function line(pen, x1, y1, x2, y2) {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}

/** A time in microseconds, to the digits that a distance between ticks needs. */
function formatTime(us, tick) {
  const [unit, name] = tick >= 1e5 ? [1e6, 's'] : tick >= 100 ? [1e3, 'ms'] : [1, 'µs'];
  const digits = Math.max(0, -Math.floor(Math.log10(tick / unit) + 1e-9));
  return (us / unit).toFixed(digits).replace(/^-(0\.?0*)$/, '$1') + ' ' + name;
}
