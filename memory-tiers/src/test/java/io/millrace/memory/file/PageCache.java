package io.millrace.memory.file;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** A file system in memory that knows of each change whether it was seen onto the disk. */
final class PageCache {
    private PageCache() {}

    sealed interface Node permits Folder, File {}

    /** Names; null stands for none in a change. */
    static final class Folder implements Node {
        private final Map<String, Node> live = new HashMap<>();
        private final Map<String, Node> durable = new HashMap<>();
        private final List<Map<String, Node>> pending = new ArrayList<>();

        static Folder read(Path folder) throws IOException {
            Folder read = new Folder();
            try (Stream<Path> entries = Files.list(folder)) {
                for (Path entry : entries.toList()) {
                    Node node =
                            Files.isDirectory(entry)
                                    ? read(entry)
                                    : new File(Files.readAllBytes(entry));
                    read.put(entry.getFileName(), node);
                }
            }
            read.sync();
            return read;
        }

        Folder find(Path path) {
            Folder at = this;
            if (path != null && !path.toString().isEmpty()) {
                for (Path name : path) {
                    at = (Folder) at.live.get(name.toString());
                }
            }
            return at;
        }

        Node get(Path name) {
            return live.get(name.toString());
        }

        void put(Path name, Node node) {
            Map<String, Node> change = new HashMap<>();
            change.put(name.toString(), node);
            change(change);
        }

        void move(Path from, Path to) {
            Map<String, Node> change = new HashMap<>();
            change.put(to.toString(), live.get(from.toString()));
            change.put(from.toString(), null);
            change(change);
        }

        private void change(Map<String, Node> change) {
            pending.add(change);
            apply(change, live);
        }

        private static void apply(Map<String, Node> change, Map<String, Node> names) {
            change.forEach((name, node) -> {
                if (node == null) {
                    names.remove(name);
                } else {
                    names.put(name, node);
                }
            });
        }

        void sync() {
            durable.clear();
            durable.putAll(live);
            pending.clear();
        }

        void lay(Path folder, PowerLoss.Survival survival) throws IOException {
            Files.createDirectories(folder);
            Map<String, Node> names = new HashMap<>(durable);
            for (Map<String, Node> change : pending) {
                if (survival.keepsName()) {
                    apply(change, names);
                }
            }
            for (Map.Entry<String, Node> entry : names.entrySet()) {
                Path path = folder.resolve(entry.getKey());
                switch (entry.getValue()) {
                    case Folder below -> below.lay(path, survival);
                    case File file -> Files.write(path, file.survivors(survival));
                }
            }
        }
    }

    /** Bytes. */
    static final class File implements Node {
        private record Change(long position, byte[] bytes) {}

        private byte[] live;
        private byte[] durable;
        private final List<Change> pending = new ArrayList<>();

        File() {
            this(new byte[0]);
        }

        File(byte[] content) {
            live = content;
            durable = content;
        }

        void write(long position, byte[] bytes) {
            live = written(live, position, bytes, bytes.length);
            pending.add(new Change(position, bytes));
        }

        void truncate(long sizeBytes) {
            live = Arrays.copyOf(live, (int) Math.min(live.length, sizeBytes));
            pending.add(new Change(sizeBytes, null));
        }

        void force() {
            durable = live;
            pending.clear();
        }

        byte[] survivors(PowerLoss.Survival survival) {
            byte[] content = durable;
            for (Change change : pending) {
                if (change.bytes != null) {
                    int kept = survival.kept(change.bytes.length);
                    content = written(content, change.position, change.bytes, kept);
                } else if (survival.keepsCut()) {
                    int size = (int) Math.min(content.length, change.position);
                    content = Arrays.copyOf(content, size);
                }
            }
            return content;
        }

        private static byte[] written(byte[] content, long position, byte[] bytes, int count) {
            if (count == 0) {
                return content;
            }
            int at = (int) position;
            byte[] result = Arrays.copyOf(content, Math.max(content.length, at + count));
            System.arraycopy(bytes, 0, result, at, count);
            return result;
        }
    }
}
