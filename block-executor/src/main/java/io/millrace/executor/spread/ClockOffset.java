package io.millrace.executor.spread;

import java.util.List;
import java.util.function.LongSupplier;

/**
 * How a worker's clock stands to worker 0's, so that the timelines of all can be laid over one
 * another. Workers gather a few times with nothing else to do: in each gathering worker 0 has heard
 * everybody between what this worker said and what it heard, in the middle if the way there is as
 * long as the way back (as NTP has it, RFC 5905 section 8). The quickest gathering counts.
 *
 * @param offsetNs this clock less worker 0's
 * @param errorNs by how much that may be wrong, where worker 0 is woken as soon as it has heard
 * @param originNs when the gatherings began at worker 0, on this clock
 */
public record ClockOffset(long offsetNs, long errorNs, long originNs) {
    private static final int GATHERINGS = 9;

    static ClockOffset meet(Workers workers, LongSupplier clock) {
        double[] last = new double[2]; // when this worker spoke and heard, the gathering before
        long origin = 0;
        long offset = 0;
        long error = Long.MAX_VALUE;
        for (int gathering = 0; gathering < GATHERINGS; gathering++) {
            double said = clock.getAsLong();
            List<double[]> all = workers.gather(last);
            double heard = clock.getAsLong();
            double[] first = all.getFirst();
            workers.requireNumbers(0, first, last.length);
            if (gathering == 1) {
                origin = (long) first[Workers.HEAD];
            }
            long half = (long) (last[1] - last[0]) / 2;
            if (gathering > 0 && half < error) {
                error = half;
                offset = (long) (last[0] - first[Workers.HEAD + 1]) + half;
            }
            last[0] = said;
            last[1] = heard;
        }
        return workers.leads()
                ? new ClockOffset(0, 0, origin)
                : new ClockOffset(offset, error, origin + offset);
    }
}
