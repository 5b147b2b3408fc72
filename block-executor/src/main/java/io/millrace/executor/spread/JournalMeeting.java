package io.millrace.executor.spread;

import io.millrace.memory.BadInputException;
import io.millrace.optim.journal.Journal;
import io.millrace.optim.journal.JournalCopy;
import io.millrace.optim.journal.JournalReader;
import io.millrace.telemetry.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Brings the journals of all workers to the same last step before a run goes on. Worker 0's says
 * which run it is; whoever is behind gets the lines that it lacks. A worker that was ended between
 * two others' appends may be a step ahead: all have computed that step, and the others take its
 * line.
 */
public final class JournalMeeting {
    private static final String BYTES = "bytes";
    private static final String DIGEST = "sha256";
    private static final String STEP = "step";
    private static final String MEND =
            "give it another --out, or an empty one, and it takes worker 0's journal";

    private final Workers workers;
    private final Path file;
    private final long bytes; // of whole lines
    private final long lastStep;

    /** What a worker has. */
    private record Held(long bytes, String digest, long step) {
        static Held of(JsonObject fields) {
            return new Held(fields.integer(BYTES), fields.string(DIGEST), fields.integer(STEP));
        }
    }

    private JournalMeeting(Workers workers, Path file) {
        this.workers = workers;
        this.file = file;
        boolean exists = Files.exists(file);
        Journal journal = exists ? JournalReader.read(file) : null;
        bytes = exists ? journal.wholeBytes() : 0;
        lastStep = exists ? journal.lastStep() : 0;
    }

    /**
     * Meets the others, if the run goes on.
     *
     * @param file this worker's journal, which may be missing
     * @throws BadInputException where a worker has another run's, or one that took another turn
     */
    public static void hold(Workers workers, Path file, boolean resumes) {
        if (workers.isAlone()) {
            return;
        }
        if (!resumes) {
            workers.meetings().meet(Map.of());
            workers.meetings().meet(new byte[0]);
            return;
        }
        new JournalMeeting(workers, file).hold();
    }

    private void hold() {
        Map<String, Object> mine =
                Map.of(BYTES, bytes, DIGEST, JournalCopy.digest(file, bytes), STEP, lastStep);
        List<Held> all = workers.meetings().meet(mine).stream().map(Held::of).toList();
        boolean[] forked = forked(all);
        int longest = longest(all);
        long least = all.stream().mapToLong(Held::bytes).min().orElseThrow();
        long most = all.get(longest).bytes();
        byte[] words = new byte[all.size()];
        for (int rank = 0; rank < words.length; rank++) {
            words[rank] = (byte) (forked[rank] ? 1 : 0);
        }
        if (workers.rank() == longest) {
            byte[] lines = JournalCopy.part(file, least, most);
            byte[] more = new byte[words.length + lines.length];
            System.arraycopy(words, 0, more, 0, words.length);
            System.arraycopy(lines, 0, more, words.length, lines.length);
            words = more;
        }
        List<byte[]> verdicts = workers.meetings().meet(words);
        require(all, verdicts);
        if (bytes < most) {
            byte[] lines = verdicts.get(longest);
            int from = Math.toIntExact(all.size() + bytes - least);
            byte[] own = Arrays.copyOfRange(lines, from, lines.length);
            JournalCopy.extend(file, bytes, own);
        }
    }

    /** Whose journal is no continuation or beginning of worker 0's, as far as can be seen here. */
    private boolean[] forked(List<Held> all) {
        boolean[] forked = new boolean[all.size()];
        Held first = all.getFirst();
        if (workers.leads()) {
            for (int rank = 1; rank < forked.length; rank++) {
                Held other = all.get(rank);
                forked[rank] =
                        other.bytes <= bytes
                                && !other.digest.equals(JournalCopy.digest(file, other.bytes));
            }
        } else {
            forked[workers.rank()] =
                    first.bytes <= bytes
                            && !first.digest.equals(JournalCopy.digest(file, first.bytes));
        }
        return forked;
    }

    private static int longest(List<Held> all) {
        int longest = 0;
        for (int rank = 1; rank < all.size(); rank++) {
            longest = all.get(rank).bytes > all.get(longest).bytes ? rank : longest;
        }
        return longest;
    }

    private void require(List<Held> all, List<byte[]> verdicts) {
        Held first = all.getFirst();
        Held longest = all.get(longest(all));
        for (int rank = 1; rank < all.size(); rank++) {
            int other = rank;
            Held held = all.get(rank);
            boolean forked =
                    verdicts.stream().anyMatch(words -> words[other] != 0)
                            || (held.bytes == longest.bytes && !held.digest.equals(longest.digest));
            if (forked) {
                throw workers.meetings()
                        .over(
                                new BadInputException(
                                        "worker " + rank,
                                        "its journal is not that of worker 0: a line up to step "
                                                + Math.min(held.step, first.step)
                                                + " is another",
                                        MEND));
            }
            if (held.step > first.step + 1) {
                throw workers.meetings()
                        .over(
                                new BadInputException(
                                        "worker " + rank,
                                        String.format(
                                                "its journal is at step %d, and worker 0's at %d:"
                                                        + " worker 0 has an older copy",
                                                held.step, first.step),
                                        "put worker "
                                                + rank
                                                + "'s journal.jsonl in the place of worker 0's"));
            }
        }
    }
}
