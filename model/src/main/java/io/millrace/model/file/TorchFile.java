package io.millrace.model.file;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.model.file.pickle.PickleFormatException;
import io.millrace.model.file.pickle.PickledStorage;
import io.millrace.model.file.pickle.PickledTensor;
import io.millrace.model.file.pickle.StateDictReader;
import io.millrace.model.file.raw.ReadableFile;
import io.millrace.model.file.zip.ZipDirectory;
import io.millrace.model.file.zip.ZipEntryPlace;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;

/**
 * A state dict as {@code torch.save} writes it since PyTorch 1.6, such as {@code
 * pytorch_model.bin}, open for reading: a zip archive whose entries are stored as they are, one a
 * storage, and a pickle that says which tensors they hold. All is checked before {@link #open}
 * returns, nothing is unpacked, and nothing of the pickle is run.
 */
public final class TorchFile implements WeightFile {
    /** A tensor takes some 250 bytes: room for as many as are read. */
    private static final long MAX_PICKLE_BYTES = 64L << 20;

    private static final String PICKLE = "/data.pkl";
    private static final String DAMAGED = "download or write the file again";
    private static final String RESAVE =
            "load it in PyTorch where you trust it, and save it with"
                    + " save_pretrained(..., safe_serialization=True)";

    /** {@code torch.serialization.MAGIC_NUMBER} behind a protocol and an opcode. */
    private static final byte[] LEGACY = {
        (byte) 0x80, 2, (byte) 0x8A, 10, 0x6C, (byte) 0xFC, (byte) 0x9C, 0x46, (byte) 0xF9, 0x20
    };

    private static final int TAR_MAGIC_AT = 257;
    private static final String TAR_MAGIC = "ustar";
    private static final String LFS_POINTER = "version https://git-lfs";
    private static final int HEAD_BYTES = TAR_MAGIC_AT + 5;

    private final ReadableFile file;
    private final Map<String, TensorInfo> tensors;

    private TorchFile(ReadableFile file, Map<String, TensorInfo> tensors) {
        this.file = file;
        this.tensors = Collections.unmodifiableMap(tensors);
    }

    /**
     * Opens a file and checks its directory and its pickle.
     *
     * @throws BadInputException when it is missing, damaged, of another form, or holds anything but
     *     tensors by name
     */
    public static TorchFile open(Path path) {
        ReadableFile file = ReadableFile.open(path);
        try {
            return new TorchFile(file, new Archive(file).tensors());
        } catch (IOException e) {
            file.close();
            throw ReadableFile.unreadable(path, e);
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    @Override
    public Path path() {
        return file.path();
    }

    @Override
    public Map<String, TensorInfo> tensors() {
        return tensors;
    }

    /** What {@code save_pretrained} writes into a safetensors file: there are none here. */
    @Override
    public Map<String, String> metadata() {
        return SafetensorsWriter.PT_METADATA;
    }

    @Override
    public void read(TensorInfo tensor, long offsetBytes, MemorySegment dst) {
        tensor.requirePart(offsetBytes, dst.byteSize());
        try {
            file.read(tensor.offsetBytes() + offsetBytes, dst);
        } catch (IOException e) {
            throw new UncheckedIOException("reading " + tensor.name() + " from " + path(), e);
        }
    }

    @Override
    public void close() {
        file.close();
    }

    /** What a file claims, held against what it has. */
    private static final class Archive {
        private final ReadableFile file;
        private final Map<String, ZipEntryPlace> entries;
        private final String root;

        Archive(ReadableFile file) throws IOException {
            this.file = file;
            if (!ZipDirectory.isBegun(file)) {
                throw otherForm(file);
            }
            this.entries = ZipDirectory.read(file);
            this.root = root();
            if (entries.containsKey(root + "/constants.pkl")) {
                throw bad("is a TorchScript archive, a program and not weights", RESAVE);
            }
        }

        /** The one folder of the archive, which older files call {@code archive}. */
        private String root() {
            List<String> pickles =
                    entries.keySet().stream().filter(name -> name.endsWith(PICKLE)).toList();
            if (pickles.size() != 1) {
                throw bad(
                        "is an archive with " + pickles.size() + " entries data.pkl",
                        "give a file that torch.save wrote of a state dict");
            }
            String pickle = pickles.getFirst();
            return pickle.substring(0, pickle.length() - PICKLE.length());
        }

        Map<String, TensorInfo> tensors() throws IOException {
            checkByteOrder();
            Map<String, TensorInfo> infos = new LinkedHashMap<>();
            for (Map.Entry<String, PickledTensor> tensor : pickled().entrySet()) {
                String name = tensor.getKey();
                if (name.length() > SafetensorsHeader.MAX_NAME_CHARS) {
                    throw bad(
                            "names a tensor with more than "
                                    + SafetensorsHeader.MAX_NAME_CHARS
                                    + " characters",
                            "no model has so much: check where the file comes from");
                }
                infos.put(name, info(name, tensor.getValue()));
            }
            return infos;
        }

        private void checkByteOrder() throws IOException {
            ZipEntryPlace entry = entries.get(root + "/byteorder");
            if (entry == null) {
                return; // older files have none, and are little-endian
            }
            byte[] order = new byte[(int) Math.min(stored(entry).sizeBytes(), 16)];
            file.read(entry.offsetBytes(), MemorySegment.ofArray(order));
            String text = new String(order, StandardCharsets.US_ASCII);
            if (!text.equals("little")) {
                throw bad(
                        text.equals("big")
                                ? "is big-endian, as a machine of another kind wrote it"
                                : "has the entry byteorder, and it is neither little nor big",
                        RESAVE);
            }
        }

        private Map<String, PickledTensor> pickled() throws IOException {
            ZipEntryPlace entry = stored(entries.get(root + PICKLE));
            if (entry.sizeBytes() > MAX_PICKLE_BYTES) {
                throw bad(
                        "its pickle has "
                                + entry.sizeBytes()
                                + " bytes where at most "
                                + MAX_PICKLE_BYTES
                                + " are read",
                        "no model has so much: check where the file comes from");
            }
            long end = entry.offsetBytes() + entry.sizeBytes();
            CheckedInputStream sum =
                    new CheckedInputStream(file.stream(entry.offsetBytes(), end), new CRC32());
            try (InputStream in = new BufferedInputStream(sum, 1 << 16)) {
                Map<String, PickledTensor> tensors =
                        StateDictReader.read(in, SafetensorsHeader.MAX_TENSORS);
                in.transferTo(OutputStream.nullOutputStream());
                if ((int) sum.getChecksum().getValue() != entry.crc32()) {
                    throw bad("its pickle has another checksum than its directory says", DAMAGED);
                }
                return tensors;
            } catch (PickleFormatException e) {
                throw bad("its pickle " + e.getMessage(), e.isUnsupported() ? RESAVE : DAMAGED);
            }
        }

        private TensorInfo info(String name, PickledTensor tensor) {
            PickledStorage storage = tensor.storage();
            DType dtype = storage.dtype();
            ZipEntryPlace entry = entries.get(root + "/data/" + storage.key());
            if (entry == null) {
                throw bad(
                        "tensor '"
                                + name
                                + "' is in the storage '"
                                + storage.key()
                                + "', which the archive does not have",
                        DAMAGED);
            }
            stored(entry);
            if (entry.sizeBytes() / dtype.sizeBytes() < storage.elements()) {
                throw bad(
                        "storage '"
                                + storage.key()
                                + "' has "
                                + entry.sizeBytes()
                                + " bytes, too few for "
                                + storage.elements()
                                + " elements of "
                                + dtype.torchName(),
                        DAMAGED);
            }
            long bytes = bytes(name, tensor);
            long elements = bytes / dtype.sizeBytes();
            if (!tensor.isContiguous()) {
                throw bad(
                        "tensor '"
                                + name
                                + "' of shape "
                                + tensor.shape()
                                + " is stored with the strides "
                                + tensor.strides()
                                + ", and not row by row",
                        "make it contiguous() before it is saved: " + RESAVE);
            }
            if (elements > 0 && tensor.offset() > storage.elements() - elements) {
                throw bad(
                        "tensor '" + name + "' ends beyond its storage '" + storage.key() + "'",
                        DAMAGED);
            }
            long first = elements == 0 ? 0 : tensor.offset() * dtype.sizeBytes();
            return new TensorInfo(
                    file.path(), name, dtype, tensor.shape(), entry.offsetBytes() + first, bytes);
        }

        private long bytes(String name, PickledTensor tensor) {
            try {
                return tensor.storage().dtype().bytes(tensor.shape());
            } catch (ArithmeticException e) {
                throw bad(
                        "tensor '"
                                + name
                                + "' has the shape "
                                + tensor.shape()
                                + ", which overflows 63 bits",
                        DAMAGED);
            }
        }

        private ZipEntryPlace stored(ZipEntryPlace entry) {
            if (!entry.stored()) {
                throw bad(
                        "entry '"
                                + entry.name()
                                + "' is "
                                + entry.how()
                                + ", and weights are read where they lie",
                        "unpack the archive and pack it with 'zip -0', or " + RESAVE);
            }
            return entry;
        }

        private BadInputException bad(String what, String mend) {
            return new BadInputException(file.path().toString(), what, mend);
        }
    }

    /** Says what a file is that is no archive, since each has another mend. */
    private static BadInputException otherForm(ReadableFile file) throws IOException {
        byte[] head = new byte[(int) Math.min(file.size(), HEAD_BYTES)];
        file.read(0, MemorySegment.ofArray(head));
        String text = new String(head, StandardCharsets.ISO_8859_1);
        String path = file.path().toString();
        if (Arrays.mismatch(head, LEGACY) >= LEGACY.length) {
            return new BadInputException(
                    path, "is of the form that torch.save wrote before PyTorch 1.6", RESAVE);
        }
        if (text.startsWith(TAR_MAGIC, TAR_MAGIC_AT)) {
            return new BadInputException(
                    path, "is of the tar form that torch.save wrote before PyTorch 0.2", RESAVE);
        }
        if (text.startsWith(LFS_POINTER)) {
            return new BadInputException(
                    path,
                    "is only a pointer of git-lfs to the file",
                    "fetch what it points to: git lfs pull");
        }
        return new BadInputException(
                path,
                "is no archive of torch.save" + (head.length == 0 ? ": it is empty" : ""),
                "download the file again, and check that it is one of PyTorch");
    }
}
