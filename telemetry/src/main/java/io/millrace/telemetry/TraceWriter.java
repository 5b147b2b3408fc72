package io.millrace.telemetry;

import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Streams spans to a file in the trace event format that Perfetto and Chrome open: a track for the
 * steps and one a lane. Those viewers cannot draw spans that overlap on a track, so a lane that
 * works on several blocks at once gets further tracks below its first.
 */
public final class TraceWriter implements StepObserver, AutoCloseable {
    private static final Lane[] LANES = Lane.values();
    private static final int TRACKS_PER_LANE = 64;
    private static final int STEP_TRACK = 1;
    private static final String HEAD = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n";
    private static final String BETWEEN = ",\n";
    private static final String TAIL = "\n]}\n";
    private static final int ONLY_PROCESS = 1;

    private final Path file;
    private final BufferedWriter out;
    private final long originNs;
    private final int process;
    private final StringBuilder text = new StringBuilder(256);
    private final long[][] trackEndsNs = new long[LANES.length][TRACKS_PER_LANE];
    private final int[] trackCounts = new int[LANES.length];
    private final SpanLog unfinished = new SpanLog(8);
    private boolean first = true;
    private boolean closed;

    /**
     * Begins a trace in a new file; one that exists is replaced.
     *
     * @param originNs the time that the trace shows as 0, on the recorder's clock
     * @throws UncheckedIOException where the file cannot be written
     */
    public TraceWriter(Path file, long originNs) {
        this(file, originNs, ONLY_PROCESS, "millrace");
    }

    /**
     * Begins the trace of one of several processes, which can be {@link #include included} in
     * another's.
     *
     * @param originNs the time that the trace shows as 0, on the recorder's clock
     * @param process its number, from 1, another for each
     * @param name that viewers show
     * @throws UncheckedIOException where the file cannot be written
     */
    public TraceWriter(Path file, long originNs, int process, String name) {
        this.file = file;
        this.originNs = originNs;
        this.process = process;
        for (long[] ends : trackEndsNs) {
            Arrays.fill(ends, Long.MIN_VALUE);
        }
        try {
            out = Files.newBufferedWriter(file);
        } catch (IOException e) {
            throw failure(e);
        }
        nameTrack("process_name", STEP_TRACK, name);
        nameTrack("thread_name", STEP_TRACK, "step");
        for (Lane lane : LANES) {
            addTrack(lane.index());
        }
    }

    /**
     * Writes one step's window.
     *
     * @throws UncheckedIOException where the file cannot be written
     */
    public void writeStep(long step, long startNs, long endNs) {
        text.setLength(0);
        text.append("{\"name\":\"step ").append(step).append("\",\"cat\":\"step\"");
        appendTimes(STEP_TRACK, startNs, endNs);
        text.append(",\"args\":{\"step\":").append(step).append("}}");
        emit();
    }

    /**
     * Writes the spans of a log that are complete; the others come with a later drain, or as far as
     * they are known when the trace ends.
     *
     * @throws UncheckedIOException where the file cannot be written
     */
    public void write(SpanLog spans) {
        writeComplete(spans);
        unfinished.clear();
        unfinished.addUnfinished(spans);
    }

    private void writeComplete(SpanLog spans) {
        for (int i = 0; i < spans.size(); i++) {
            if (spans.complete(i)) {
                writeSpan(spans, i);
            }
        }
    }

    @Override
    public void between(SpanLog spans) {
        write(spans);
    }

    @Override
    public void step(StepMetrics metrics, SpanLog spans, long startNs, long endNs) {
        writeStep(metrics.step(), startNs, endNs);
        write(spans);
    }

    private void writeSpan(SpanLog spans, int i) {
        Lane lane = spans.lane(i);
        int track = trackFor(lane.index(), spans.startNs(i), spans.endNs(i));
        text.setLength(0);
        if (spans.block(i) == SpanLog.NO_BLOCK) {
            text.append("{\"name\":\"").append(lane.label()).append('"');
        } else {
            text.append("{\"name\":\"block ").append(spans.block(i)).append('"');
        }
        text.append(",\"cat\":\"").append(lane.label()).append('"');
        appendTimes(track, spans.startNs(i), spans.endNs(i));
        text.append(",\"args\":{\"block\":").append(spans.block(i));
        text.append(",\"step\":").append(spans.step(i));
        text.append(",\"bytes\":").append(spans.bytes(i)).append("}}");
        emit();
    }

    private void appendTimes(int track, long startNs, long endNs) {
        text.append(",\"ph\":\"X\",\"pid\":").append(process);
        text.append(",\"tid\":").append(track);
        appendMicros(text.append(",\"ts\":"), startNs - originNs);
        appendMicros(text.append(",\"dur\":"), endNs - startNs);
    }

    /**
     * Exact to the nanosecond: a double of microseconds is not, on a machine that is up for long.
     */
    private static void appendMicros(StringBuilder text, long ns) {
        if (ns < 0) {
            text.append('-');
        }
        long magnitude = Math.abs(ns);
        text.append(magnitude / 1000).append('.');
        text.append((char) ('0' + magnitude / 100 % 10));
        text.append((char) ('0' + magnitude / 10 % 10));
        text.append((char) ('0' + magnitude % 10));
    }

    private int trackFor(int lane, long startNs, long endNs) {
        int track = 0;
        while (track < trackCounts[lane] && trackEndsNs[lane][track] > startNs) {
            track++;
        }
        // With every track taken, the last draws a span wrongly rather than lose it.
        track = Math.min(track, TRACKS_PER_LANE - 1);
        if (track == trackCounts[lane]) {
            addTrack(lane);
        }
        trackEndsNs[lane][track] = Math.max(trackEndsNs[lane][track], endNs);
        return trackId(lane, track);
    }

    private static int trackId(int lane, int track) {
        return STEP_TRACK + 1 + lane * TRACKS_PER_LANE + track;
    }

    private void addTrack(int lane) {
        int track = trackCounts[lane]++;
        String name = LANES[lane].label() + (track == 0 ? "" : " " + (track + 1));
        nameTrack("thread_name", trackId(lane, track), name);
        text.setLength(0);
        text.append("{\"name\":\"thread_sort_index\",\"ph\":\"M\",\"pid\":").append(process);
        text.append(",\"tid\":").append(trackId(lane, track)).append(",\"args\":{\"sort_index\":");
        text.append(trackId(lane, track)).append("}}");
        emit();
    }

    private void nameTrack(String what, int track, String name) {
        text.setLength(0);
        text.append("{\"name\":\"").append(what).append("\",\"ph\":\"M\",\"pid\":").append(process);
        text.append(",\"tid\":")
                .append(track)
                .append(",\"args\":{\"name\":\"")
                .append(name)
                .append("\"}}");
        emit();
    }

    private void emit() {
        try {
            out.append(first ? HEAD : BETWEEN).append(text);
            first = false;
        } catch (IOException e) {
            throw failure(e);
        }
    }

    /**
     * The events of a trace that is closed, for another's.
     *
     * @param most bytes of them at most: where there are more, the first come
     * @throws UncheckedIOException where the file cannot be read
     */
    public static String events(Path file, int most) {
        String whole;
        try {
            whole = Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        int end = whole.length() - TAIL.length();
        if (end - HEAD.length() > most) {
            end = whole.lastIndexOf(BETWEEN, HEAD.length() + most);
        }
        return whole.substring(HEAD.length(), Math.max(end, HEAD.length()));
    }

    /**
     * Adds the events of another process, as {@link #events} has them.
     *
     * @throws UncheckedIOException where the file cannot be written
     */
    public void include(String events) {
        if (!events.isEmpty()) {
            text.setLength(0);
            text.append(events);
            emit();
        }
    }

    /** Ends the trace and closes the file; a second call does nothing. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        try (out) {
            writeComplete(unfinished);
            out.write(TAIL);
        } catch (IOException e) {
            throw failure(e);
        }
    }

    private UncheckedIOException failure(IOException cause) {
        return new UncheckedIOException(
                new IOException(file + ": trace cannot be written: " + cause.getMessage(), cause));
    }
}
