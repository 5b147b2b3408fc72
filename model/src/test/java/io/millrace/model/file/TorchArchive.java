package io.millrace.model.file;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Writes archives as torch.save does, or nearly so, by a zip library that is not ours. */
public final class TorchArchive {
    private final Map<String, byte[]> entries = new LinkedHashMap<>();
    private String root = "archive";
    private boolean compressed;

    public TorchArchive root(String name) {
        root = name;
        return this;
    }

    public TorchArchive pickle(byte[] pickle) {
        return entry("data.pkl", pickle);
    }

    public TorchArchive storage(String key, byte[] bytes) {
        return entry("data/" + key, bytes);
    }

    public TorchArchive entry(String name, byte[] bytes) {
        entries.put(name, bytes);
        return this;
    }

    public TorchArchive compressed() {
        compressed = true;
        return this;
    }

    public byte[] bytes() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
                ZipEntry head = new ZipEntry(root + "/" + entry.getKey());
                if (!compressed) {
                    CRC32 crc = new CRC32();
                    crc.update(entry.getValue());
                    head.setMethod(ZipEntry.STORED);
                    head.setSize(entry.getValue().length);
                    head.setCrc(crc.getValue());
                }
                zip.putNextEntry(head);
                zip.write(entry.getValue());
                zip.closeEntry();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    public Path write(Path file) {
        try {
            return Files.write(file, bytes());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
