package io.millrace.executor.spread;

import io.millrace.executor.config.data.SliceSharing;
import io.millrace.memory.BadInputException;
import io.millrace.memory.Ledger;
import io.millrace.memory.slice.RingShape;
import io.millrace.memory.slice.SliceRing;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * Finds the workers of one host that read from one drive, and has them map the memory in which they
 * pass slices on. The first of them makes it; its name is gone as soon as all have mapped it.
 */
public final class SliceMeeting {
    private static final System.Logger LOG = System.getLogger(SliceMeeting.class.getName());
    private static final Path MEMORY = Path.of("/dev/shm");
    private static final String PLACE = "place";
    private static final String FILE = "file";
    private static final String FAULT = "fault";
    private static final String MEND = "leave the option out, or give --slices off";

    private final Workers workers;
    private final boolean required;
    private final Ledger ledger;
    private final IntFunction<RingShape> shape;

    /**
     * A worker's side of it.
     *
     * @param wanted the same on all workers
     * @param ledger charged for this worker's part of the memory
     * @param shape of the memory, by how many share it
     */
    public SliceMeeting(
            Workers workers, SliceSharing wanted, Ledger ledger, IntFunction<RingShape> shape) {
        this.workers = workers;
        required = wanted == SliceSharing.ON;
        this.ledger = ledger;
        this.shape = shape;
    }

    /**
     * Meets the others.
     *
     * @param place where this worker reads, the same for those who can pass slices on to each
     *     other; empty where it cannot
     * @return the way to them, which the caller closes; empty where each reads for itself
     * @throws BadInputException where slices are required of workers who cannot
     */
    public Optional<SliceRing> hold(String place) {
        List<String> places =
                workers.meetings().meet(Map.of(PLACE, place)).stream()
                        .map(one -> one.string(PLACE))
                        .toList();
        if (required) {
            requirePlaces(places);
        }
        List<Integer> group = group(places);
        boolean shares = group.size() > 1;
        boolean makes = shares && group.getFirst() == workers.rank();
        Optional<SliceRing> ring = Optional.empty();
        String fault = "";
        try {
            if (makes) {
                ring = Optional.of(SliceRing.create(MEMORY, shape(group), members(group)));
            }
        } catch (IOException | RuntimeException e) {
            fault = fault(e);
        }
        try {
            String file = ring.map(made -> made.path().toString()).orElse("");
            List<JsonObject> made = workers.meetings().meet(Map.of(FILE, file, FAULT, fault));
            if (shares && !makes) {
                JsonObject first = made.get(group.getFirst());
                fault = first.string(FAULT);
                if (fault.isEmpty()) {
                    try {
                        Path path = Path.of(first.string(FILE));
                        ring = Optional.of(SliceRing.open(path, shape(group), members(group)));
                    } catch (IOException | RuntimeException e) {
                        fault = fault(e);
                    }
                }
            }
            List<String> faults =
                    workers.meetings().meet(Map.of(FAULT, fault)).stream()
                            .map(one -> one.string(FAULT))
                            .toList();
            return agreed(ring, group, faults);
        } catch (RuntimeException | Error e) {
            ring.ifPresent(SliceMeeting::drop);
            throw e;
        }
    }

    private RingShape shape(List<Integer> group) {
        return shape.apply(group.size());
    }

    private SliceRing.Members members(List<Integer> group) {
        return new SliceRing.Members(group.indexOf(workers.rank()), group, ledger);
    }

    private static String fault(Exception failure) {
        return failure instanceof IOException ? failure.toString() : failure.getMessage();
    }

    /** Those who read where this worker does, by rank: as many at once as a ring serves. */
    private List<Integer> group(List<String> places) {
        String mine = places.get(workers.rank());
        if (mine.isEmpty()) {
            return List.of();
        }
        List<Integer> all =
                IntStream.range(0, places.size())
                        .filter(rank -> places.get(rank).equals(mine))
                        .boxed()
                        .toList();
        int most = RingShape.MOST_MEMBERS;
        int first = all.indexOf(workers.rank()) / most * most;
        return all.subList(first, Math.min(first + most, all.size()));
    }

    private void requirePlaces(List<String> places) {
        for (int rank = 0; rank < places.size(); rank++) {
            String place = places.get(rank);
            String fault =
                    place.isEmpty()
                            ? "has no blocks that stream from a drive, or no memory to pass them on"
                            : places.stream().filter(place::equals).count() < 2
                                    ? "shares no host and drive with any other"
                                    : "";
            if (!fault.isEmpty()) {
                throw workers.meetings()
                        .over(
                                new BadInputException(
                                        "--slices", "worker " + rank + " " + fault, MEND));
            }
        }
    }

    /** Takes the memory's name away, and holds it to have been mapped by all of the group. */
    private Optional<SliceRing> agreed(
            Optional<SliceRing> ring, List<Integer> group, List<String> faults) {
        int bad = -1;
        for (int rank = 0; rank < faults.size() && bad < 0; rank++) {
            boolean counts = required || group.contains(rank);
            bad = counts && !faults.get(rank).isEmpty() ? rank : -1;
        }
        if (bad < 0) {
            ring.filter(_ -> group.getFirst() == workers.rank()).ifPresent(SliceMeeting::unlink);
            return ring;
        }
        ring.ifPresent(SliceMeeting::drop);
        String fault = "worker " + bad + " cannot share memory: " + faults.get(bad);
        if (required) {
            throw workers.meetings().over(new BadInputException("--slices", fault, MEND));
        }
        if (workers.rank() == group.getFirst()) {
            LOG.log(Level.WARNING, fault + "; each worker reads all blocks itself");
        }
        return Optional.empty();
    }

    private static void drop(SliceRing ring) {
        try (ring) {
            unlink(ring);
        }
    }

    private static void unlink(SliceRing ring) {
        try {
            ring.unlink();
        } catch (IOException e) {
            LOG.log(Level.WARNING, "{0} stays: {1}", ring.path(), e.toString());
        }
    }
}
