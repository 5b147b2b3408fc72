package io.millrace.model.hub;

import io.millrace.memory.BadInputException;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.function.LongConsumer;

/**
 * Brings one file into a cache. What has come stays beside the blobs as {@code HASH.incomplete},
 * where Hugging Face's library has it too, and is gone on with; a blob has its name only once it
 * has the size and the hash that the hub said.
 */
final class HubDownload {
    private static final int MOST_TRIES = 5;
    private static final int BUFFER_BYTES = 1 << 20;

    private final HubClient client;
    private final HubId id;
    private final HubSettings.Patience patience;
    private final LongConsumer progress;
    private final byte[] buffer = new byte[BUFFER_BYTES];

    HubDownload(HubClient client, HubId id, HubSettings.Patience patience, LongConsumer progress) {
        this.client = client;
        this.id = id;
        this.patience = patience;
        this.progress = progress;
    }

    /** Where a file's content is once it has come. */
    static Path blob(Path blobs, HubFile file) {
        return blobs.resolve(file.hash().hex());
    }

    /** Whether a file's content is there already; its hash was checked when it came. */
    static boolean isThere(Path blobs, HubFile file) throws IOException {
        Path blob = blob(blobs, file);
        return Files.isRegularFile(blob) && Files.size(blob) == file.sizeBytes();
    }

    /** Bytes of it that have come so far. */
    static long come(Path blobs, HubFile file) throws IOException {
        Path part = part(blobs, file);
        return Files.isRegularFile(part) ? Math.min(Files.size(part), file.sizeBytes()) : 0;
    }

    private static Path part(Path blobs, HubFile file) {
        return blobs.resolve(file.hash().hex() + ".incomplete");
    }

    /**
     * Brings a file, in as many tries as it takes.
     *
     * @throws BadInputException when it does not come, or not as the hub said
     */
    void bring(HubFile file, Path blobs) throws IOException {
        Path part = part(blobs, file);
        try (FileChannel out =
                        FileChannel.open(
                                part,
                                StandardOpenOption.CREATE,
                                StandardOpenOption.READ,
                                StandardOpenOption.WRITE);
                FileLock lock = lock(out)) {
            if (lock == null) {
                throw bad(
                        "another program is downloading " + file.name(), "wait for it, or end it");
            }
            boolean resumed = out.size() > 0;
            if (!comesWhole(file, out) && (!resumed || !comesAnew(file, out))) {
                Files.delete(part);
                throw bad(
                        file.name()
                                + " came with another "
                                + file.hash().kind()
                                + " than the hub says, "
                                + file.hash().hex(),
                        "try again; if it stays so, check HF_ENDPOINT and what is in between");
            }
            out.force(true);
        }
        Files.move(part, blob(blobs, file), StandardCopyOption.ATOMIC_MOVE);
    }

    private static FileLock lock(FileChannel channel) throws IOException {
        try {
            return channel.tryLock();
        } catch (OverlappingFileLockException e) {
            return null; // another thread of this program has it
        }
    }

    /** What was there before may have been of no use. */
    private boolean comesAnew(HubFile file, FileChannel out) throws IOException {
        progress.accept(-out.size());
        out.truncate(0);
        return comesWhole(file, out);
    }

    /** Completes a file; whether it then has the hash that it should. */
    private boolean comesWhole(HubFile file, FileChannel out) throws IOException {
        if (out.size() > file.sizeBytes()) {
            out.truncate(0);
        }
        Duration wait = patience.beforeRetry();
        for (int tries = 0; out.size() < file.sizeBytes(); ) {
            long before = out.size();
            String fault;
            try {
                fault = comesOn(file, out);
            } catch (IOException e) {
                fault = HubModels.fault(e);
            }
            if (out.size() > before) {
                tries = 0;
                wait = patience.beforeRetry();
            } else if (++tries == MOST_TRIES) {
                throw bad(
                        file.name()
                                + " stops at byte "
                                + out.size()
                                + " of "
                                + file.sizeBytes()
                                + ": "
                                + fault,
                        "check the network; the same command goes on from there");
            }
            if (out.size() < file.sizeBytes()) {
                HubSettings.Patience.pause(wait);
                wait = wait.multipliedBy(2);
            }
        }
        return hasHash(file, out);
    }

    /** Takes what one connection gives; what ended it. */
    private String comesOn(HubFile file, FileChannel out) throws IOException {
        long from = out.size();
        HttpResponse<InputStream> answer = client.content(id, file, from);
        try (InputStream body = answer.body();
                StallWatch watch = new StallWatch(body, patience.silence())) {
            long at = answer.statusCode() == 206 ? start(answer) : 0;
            if (at != from) {
                if (at != 0) {
                    return "the answer begins at byte " + at;
                }
                progress.accept(-from); // not every server goes on: it begins again
                out.truncate(0);
            }
            for (int count = body.read(buffer); count >= 0; count = body.read(buffer)) {
                watch.heard();
                if (count > file.sizeBytes() - at) {
                    throw bad(
                            file.name()
                                    + " has more than the "
                                    + file.sizeBytes()
                                    + " bytes that"
                                    + " the hub says",
                            "check HF_ENDPOINT and what is in between");
                }
                write(out, at, count);
                at += count;
                progress.accept(count);
            }
            return watch.hasStalled() ? "the connection fell silent" : "the connection ended";
        }
    }

    private void write(FileChannel out, long at, int count) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, count);
        for (long position = at; bytes.hasRemaining(); ) {
            position += out.write(bytes, position);
        }
    }

    /** The first byte of a {@code Content-Range: bytes 5-9/10}; -1 where it has none. */
    private static long start(HttpResponse<?> answer) {
        String range = answer.headers().firstValue("Content-Range").orElse("");
        return range.matches("bytes \\d{1,15}-.*")
                ? Long.parseLong(range.substring("bytes ".length(), range.indexOf('-')))
                : -1;
    }

    private boolean hasHash(HubFile file, FileChannel out) throws IOException {
        MessageDigest digest = file.hash().begin(file.sizeBytes());
        ByteBuffer bytes = ByteBuffer.wrap(buffer);
        for (long at = 0; at < file.sizeBytes(); at += bytes.limit()) {
            int count = out.read(bytes.clear(), at);
            if (count < 0) {
                return false;
            }
            digest.update(bytes.flip());
        }
        return file.hash().matches(digest);
    }

    private BadInputException bad(String what, String mend) {
        return new BadInputException(id.toString(), what, mend);
    }
}
