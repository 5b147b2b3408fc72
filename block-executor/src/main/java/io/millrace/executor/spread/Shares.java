package io.millrace.executor.spread;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.QueryGroup;
import io.millrace.executor.config.data.Parallel;
import io.millrace.executor.spread.Share.Part;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.optim.estimate.Query;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Cuts a pass among workers: its queries into as many runs as a grid has rows, its micro-batches
 * into as many as it has columns. A function of what is asked and of how many workers there are, so
 * that all of them come to the same; and whatever it comes to, no answer depends on it.
 */
final class Shares {
    // Rows that a product takes in the time in which a dense direction is formed, which every
    // micro-batch does anew: some tens.
    private static final long FORMING = 64;

    private final ForwardRequest whole;
    private final List<Unit> units;
    private final long forming;

    /** Scales that stay together: some of one query, or all of several. */
    private record Unit(List<Part> parts) {
        int scales() {
            return parts.stream().mapToInt(Part::scales).sum();
        }
    }

    private Shares(ForwardRequest whole, Forward.Grain grain) {
        this.whole = whole;
        units = units(whole, grain);
        forming = grain.scalesAtOnce() == 0 ? FORMING : 0;
    }

    /** A share for each worker, in order of rank. */
    static List<Share> of(ForwardRequest whole, Forward.Grain grain, Parallel mode, int workers) {
        Shares shares = new Shares(whole, grain);
        Layout best = shares.layout(mode, workers);
        List<Share> all = new ArrayList<>();
        List<List<Unit>> rows = shares.rows(best.rows);
        for (List<Unit> row : rows) {
            for (int column = 0; column < best.columns; column++) {
                all.add(shares.share(row, column, best.columns));
            }
        }
        while (all.size() < workers) {
            all.add(Share.NONE);
        }
        return all;
    }

    /** How many workers divide the queries, and how many the micro-batches. */
    private record Layout(int rows, int columns) {}

    private Layout layout(Parallel mode, int workers) {
        return switch (mode) {
            case PERTP -> new Layout(workers, 1);
            case DDP -> new Layout(1, workers);
            case GRID -> best(workers, workers < 4 ? 1 : 2);
            case AUTO -> best(workers, 1);
        };
    }

    /**
     * That whose busiest worker has the least to do; of several the one that divides queries most.
     */
    private Layout best(int workers, int least) {
        Layout best = null;
        long bestLoad = Long.MAX_VALUE;
        int most = Math.max(least, Math.min(workers / least, units.size()));
        for (int rows = most; rows >= least; rows--) {
            int columns = Math.max(least, Math.min(workers / rows, longest().size()));
            Layout layout = new Layout(rows, columns);
            long load = mostWork(layout);
            if (load < bestLoad) {
                best = layout;
                bestLoad = load;
            }
        }
        return best;
    }

    private long mostWork(Layout layout) {
        long most = 0;
        List<MicroBatch> batches = longest();
        for (List<Unit> row : rows(layout.rows)) {
            long queries = queries(row);
            long scales = row.stream().mapToLong(Unit::scales).sum();
            for (int column = 0; column < layout.columns; column++) {
                List<MicroBatch> own = cut(batches, column, layout.columns).batches;
                most = Math.max(most, queries * own.size() * forming + scales * tokens(own));
            }
        }
        return most;
    }

    private static long queries(List<Unit> row) {
        return row.stream()
                .flatMap(unit -> unit.parts.stream())
                .mapToInt(Part::query)
                .distinct()
                .count();
    }

    private List<MicroBatch> longest() {
        return whole.batches().stream()
                .max(Comparator.comparingLong(Shares::tokens))
                .orElse(List.of());
    }

    private static long tokens(List<MicroBatch> batches) {
        return batches.stream().mapToLong(batch -> MicroBatch.padded(batch.tokenCount())).sum();
    }

    private static List<Unit> units(ForwardRequest whole, Forward.Grain grain) {
        List<Unit> units = new ArrayList<>();
        boolean together = whole.batches().size() == 1;
        for (QueryGroup group :
                QueryGroup.cut(whole.queries(), together ? grain.scalesAtOnce() : 0)) {
            List<Part> parts = new ArrayList<>();
            for (int index = 0; index < group.queries().size(); index++) {
                int query = group.first() + index;
                int scales = whole.queries().get(query).scales().size();
                List<MicroBatch> batches = ForwardRequest.ofQuery(whole.batches(), query);
                parts.add(new Part(query, 0, scales, 0, batches));
            }
            boolean apart = grain.scalesAtOnce() == 0 && grain.scalesApart();
            if (apart && isAlike(group.queries().getFirst())) {
                units.addAll(apart(parts.getFirst()));
            } else {
                units.add(new Unit(parts));
            }
        }
        return units;
    }

    /** A loss at θ among others goes their way, and with none of them its own. */
    private static boolean isAlike(Query query) {
        return query.isStill() || query.scales().stream().allMatch(scale -> scale != 0);
    }

    private static List<Unit> apart(Part part) {
        List<Unit> units = new ArrayList<>();
        for (int scale = 0; scale < part.scales(); scale++) {
            units.add(new Unit(List.of(new Part(part.query(), scale, 1, 0, part.batches()))));
        }
        return units;
    }

    /** The units in so many runs of about as many scales, some of which may be empty. */
    private List<List<Unit>> rows(int count) {
        List<List<Unit>> rows = new ArrayList<>();
        int left = units.stream().mapToInt(Unit::scales).sum();
        int next = 0;
        for (int row = 0; row < count; row++) {
            List<Unit> own = new ArrayList<>();
            int wanted = Math.ceilDiv(left, count - row);
            int taken = 0;
            while (next < units.size() && taken < wanted) {
                int scales = units.get(next).scales();
                if (taken > 0 && taken + scales > wanted && row + 1 < count) {
                    break;
                }
                own.add(units.get(next++));
                taken += scales;
            }
            left -= taken;
            rows.add(own);
        }
        return rows;
    }

    private Share share(List<Unit> row, int column, int columns) {
        List<Part> parts = new ArrayList<>();
        for (Unit unit : row) {
            for (Part part : unit.parts) {
                Cut cut = cut(part.batches(), column, columns);
                if (cut.batches.isEmpty()) {
                    continue;
                }
                Part last = parts.isEmpty() ? null : parts.getLast();
                if (last != null && last.query() == part.query()) {
                    parts.set(
                            parts.size() - 1,
                            new Part(
                                    last.query(),
                                    last.firstScale(),
                                    last.scales() + part.scales(),
                                    last.firstBatch(),
                                    last.batches()));
                } else {
                    parts.add(
                            new Part(
                                    part.query(),
                                    part.firstScale(),
                                    part.scales(),
                                    cut.first,
                                    cut.batches));
                }
            }
        }
        return new Share(parts);
    }

    /** Some of a query's micro-batches. */
    private record Cut(int first, List<MicroBatch> batches) {}

    /** Micro-batches one after another of about as many rows as those of other columns. */
    private static Cut cut(List<MicroBatch> batches, int column, int columns) {
        long all = tokens(batches);
        int from = 0;
        long before = 0;
        long begin = all * column / columns;
        long end = all * (column + 1) / columns;
        // Each is where its middle is.
        List<MicroBatch> own = new ArrayList<>();
        for (int index = 0; index < batches.size(); index++) {
            long rows = MicroBatch.padded(batches.get(index).tokenCount());
            long middle = before + rows / 2;
            before += rows;
            if (middle < begin) {
                from = index + 1;
            } else if (middle < end) {
                own.add(batches.get(index));
            }
        }
        return new Cut(from, own);
    }
}
