package io.millrace.model.file;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;

/** Writes an archive of the 64-bit form, with holes where its bytes do not matter. */
final class Zip64Archive {
    private record Entry(byte[] name, long offset, long size, int crc) {}

    private final FileChannel channel;
    private final List<Entry> entries = new ArrayList<>();
    private long position;

    Zip64Archive(Path file) throws IOException {
        channel =
                FileChannel.open(
                        file,
                        StandardOpenOption.CREATE_NEW,
                        StandardOpenOption.WRITE,
                        StandardOpenOption.SPARSE);
    }

    Zip64Archive sparse(String name, long size) throws IOException {
        head(name, size, 0);
        position += size;
        return this;
    }

    Zip64Archive stored(String name, byte[] bytes) throws IOException {
        CRC32 crc = new CRC32();
        crc.update(bytes);
        head(name, bytes.length, (int) crc.getValue());
        write(ByteBuffer.wrap(bytes));
        return this;
    }

    /** Sizes follow the data, as where an archive is written as a stream: here they are 0. */
    private void head(String name, long size, int crc) throws IOException {
        byte[] raw = name.getBytes(StandardCharsets.UTF_8);
        entries.add(new Entry(raw, position, size, crc));
        ByteBuffer head = little(30 + raw.length + 8);
        head.putInt(0x04034b50).putShort((short) 45).putShort((short) 0x0808).putShort((short) 0);
        head.position(26);
        head.putShort((short) raw.length).putShort((short) 8).put(raw);
        head.putShort((short) 0x4246).putShort((short) 4).putInt(0x5A5A5A5A);
        write(head.flip());
    }

    void end() throws IOException {
        long directory = position;
        for (Entry entry : entries) {
            ByteBuffer central = little(46 + entry.name.length + 28);
            central.putInt(0x02014b50).putShort((short) 45).putShort((short) 45);
            central.putShort((short) 0x0808).putShort((short) 0).putInt(0).putInt(entry.crc);
            central.putInt(-1).putInt(-1).putShort((short) entry.name.length).putShort((short) 28);
            central.position(42);
            central.putInt(-1).put(entry.name);
            central.putShort((short) 1).putShort((short) 24);
            central.putLong(entry.size).putLong(entry.size).putLong(entry.offset);
            write(central.flip());
        }
        long end = position;
        ByteBuffer tail = little(56 + 20 + 22);
        tail.putInt(0x06064b50).putLong(44).putShort((short) 45).putShort((short) 45);
        tail.putInt(0).putInt(0).putLong(entries.size()).putLong(entries.size());
        tail.putLong(end - directory).putLong(directory);
        tail.putInt(0x07064b50).putInt(0).putLong(end).putInt(1);
        tail.putInt(0x06054b50).putInt(0).putShort((short) -1).putShort((short) -1);
        tail.putInt(-1).putInt(-1).putShort((short) 0);
        write(tail.flip());
        channel.close();
    }

    private static ByteBuffer little(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    private void write(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            position += channel.write(bytes, position);
        }
    }
}
