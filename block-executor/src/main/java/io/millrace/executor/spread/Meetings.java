package io.millrace.executor.spread;

import io.millrace.executor.peer.PeerLostException;
import io.millrace.executor.peer.Peers;
import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * What workers tell each other before the first step, topic by topic: who is refused says so at the
 * next one, and the others end with its words and not without a reason.
 */
public final class Meetings {
    /** The topics, in order. */
    private static final List<String> TOPICS =
            List.of(
                    "begin",
                    "identity",
                    "journal",
                    "journal-lines",
                    "places",
                    "slices",
                    "slices-mapped",
                    "ready");

    private static final byte SAYS = 0;
    private static final byte IS_REFUSED = 1;

    private final Peers peers;
    private int next;
    private boolean ended;

    Meetings(Peers peers) {
        this.peers = peers;
    }

    /**
     * Hears from worker 0 how the run begins.
     *
     * @param mine counts on worker 0
     */
    public JsonObject begin(Map<String, Object> mine) {
        return meet(mine).getFirst();
    }

    /**
     * Holds all workers to worker 0's run.
     *
     * @param fields all that has to be the same, in the order in which differences are to be named
     * @throws BadInputException where a worker has something else
     */
    public void identity(Map<String, Object> fields) {
        List<JsonObject> all = meet(fields);
        JsonObject first = all.getFirst();
        for (int rank = 1; rank < all.size(); rank++) {
            JsonObject other = all.get(rank);
            Set<String> names = new LinkedHashSet<>(first.fields().keySet());
            names.addAll(other.fields().keySet());
            for (String name : names) {
                Object wanted = first.fields().get(name);
                Object found = other.fields().get(name);
                if (!Objects.equals(wanted, found)) {
                    throw over(
                            new BadInputException(
                                    "worker " + rank,
                                    String.format(
                                            "field '%s' is %s, and worker 0 has %s",
                                            name, said(found), said(wanted)),
                                    "start all workers with the same program, model, data and"
                                            + " options, on machines of one kind"));
                }
            }
        }
    }

    private static String said(Object value) {
        return value == null ? "not there" : value.toString();
    }

    /** Waits until nobody can refuse any more; only then is anything written. */
    public void ready() {
        meet(Map.of());
    }

    /** What all say of the next topic, in fields. */
    List<JsonObject> meet(Map<String, Object> mine) {
        if (peers.size() == 1) {
            next++;
            return List.of(Json.parseObject(Json.write(mine)));
        }
        return meet(Json.write(mine).getBytes(StandardCharsets.UTF_8)).stream()
                .map(words -> Json.parseObject(new String(words, StandardCharsets.UTF_8)))
                .toList();
    }

    /** What all say of the next topic. */
    List<byte[]> meet(byte[] mine) {
        List<byte[]> all = exchange(SAYS, mine);
        List<byte[]> words = new ArrayList<>();
        for (int rank = 0; rank < all.size(); rank++) {
            byte[] one = all.get(rank);
            byte[] said = Arrays.copyOfRange(one, Math.min(1, one.length), one.length);
            if (one.length == 0 || one[0] != SAYS) {
                throw over(refused(rank, new String(said, StandardCharsets.UTF_8)));
            }
            words.add(said);
        }
        return words;
    }

    private List<byte[]> exchange(byte kind, byte[] mine) {
        byte[] words = new byte[mine.length + 1];
        words[0] = kind;
        System.arraycopy(mine, 0, words, 1, mine.length);
        ended = true; // of whoever is lost meanwhile, all know
        List<byte[]> all = peers.exchange(TOPICS.get(next), words);
        ended = false;
        next++;
        return all;
    }

    /** What all workers come to at once needs not be told. */
    <E extends RuntimeException> E over(E failure) {
        ended = true;
        return failure;
    }

    private static RuntimeException refused(int rank, String line) {
        String where = "worker " + rank;
        int mend = line.lastIndexOf("; ");
        return mend < 0
                ? new PeerLostException(rank, where + " failed: " + line, null)
                : new BadInputException(where, line.substring(0, mend), line.substring(mend + 2));
    }

    /**
     * Tells the others, while they still listen, why this worker does not begin.
     *
     * @param failure that ends it; it is told what goes wrong meanwhile
     */
    public void refuse(Throwable failure) {
        if (ended || peers.size() == 1 || next == TOPICS.size()) {
            return;
        }
        String line =
                failure instanceof BadInputException
                        ? failure.getMessage()
                        : failure.toString().replace("; ", ", ");
        try {
            exchange(IS_REFUSED, line.getBytes(StandardCharsets.UTF_8));
        } catch (RuntimeException e) {
            failure.addSuppressed(e);
        }
        ended = true;
    }
}
