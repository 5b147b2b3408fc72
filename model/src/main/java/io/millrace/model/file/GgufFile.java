package io.millrace.model.file;

import io.millrace.memory.BadInputException;
import io.millrace.memory.UnitFormat;
import io.millrace.model.file.gguf.GgufHeader;
import io.millrace.model.file.gguf.GgufNames;
import io.millrace.model.file.gguf.TurnedRows;
import io.millrace.model.file.raw.ReadableFile;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A GGUF file, open for reading: its tensors by the names of Hugging Face's files, and what {@code
 * config.json} would say. Reads are positional: any thread may call them.
 */
public final class GgufFile implements WeightFile {
    private static final List<String> FAMILIES = List.of("llama", "qwen2", "qwen3");
    private static final String MEND = "put the config.json of the model beside the file";

    private final ReadableFile file;
    private final GgufHeader header;
    private final String family;
    private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();

    private GgufFile(ReadableFile file, GgufHeader header) throws IOException {
        this.file = file;
        this.header = header;
        family = String.valueOf(header.metadata().get("general.architecture"));
        if (!FAMILIES.contains(family)) {
            throw GgufHeader.bad(
                    file.path(),
                    "is of the architecture '" + family + "', whose tensors are not known",
                    "use a file of one of " + FAMILIES);
        }
        long alignment = integer("general.alignment", 32);
        if (alignment < 1 || alignment > 1 << 20) {
            throw GgufHeader.bad(file.path(), "is aligned to " + alignment, "download it again");
        }
        long first = (header.bytes() + alignment - 1) / alignment * alignment;
        long size = file.size();
        for (GgufHeader.Tensor tensor : header.tensors()) {
            add(tensor, first, size);
        }
    }

    /**
     * Opens a file and checks its head.
     *
     * @throws BadInputException when it is missing, cut short, or of what is not read
     */
    public static GgufFile open(Path path) {
        ReadableFile file = ReadableFile.open(path);
        try (InputStream in = new BufferedInputStream(file.stream(0, file.size()), 1 << 16)) {
            return new GgufFile(file, GgufHeader.read(path, in));
        } catch (IOException e) {
            file.close();
            throw ReadableFile.unreadable(path, e);
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private void add(GgufHeader.Tensor tensor, long first, long size) {
        String name = GgufNames.of(tensor.name());
        UnitFormat format = tensor.format();
        if (family.equals("llama") && GgufNames.isTurned(tensor.name())) {
            format = turned(tensor);
        }
        long bytes;
        try {
            bytes = format.bytes(tensor.shape());
        } catch (ArithmeticException | IllegalArgumentException e) {
            throw damaged(tensor.name(), "has the shape " + tensor.shape() + ": " + e.getMessage());
        }
        long offset = first + tensor.offset();
        if (tensor.offset() < 0 || bytes > size - offset) {
            throw damaged(tensor.name(), "ends outside the file of " + size + " bytes");
        }
        TensorInfo info = new TensorInfo(file.path(), name, format, tensor.shape(), offset, bytes);
        if (tensors.put(name, info) != null) {
            throw damaged(tensor.name(), "is described twice");
        }
    }

    private UnitFormat turned(GgufHeader.Tensor tensor) {
        long heads =
                integer(
                        tensor.name().contains("attn_q")
                                ? "llama.attention.head_count"
                                : "llama.attention.head_count_kv",
                        integer("llama.attention.head_count", 0));
        long rows = tensor.shape().getFirst();
        if (heads < 1 || rows % heads != 0 || rows / heads % 2 != 0) {
            throw damaged(tensor.name(), "has " + rows + " rows for " + heads + " heads");
        }
        boolean vector = tensor.shape().size() == 1;
        int columns = vector ? 1 : Math.toIntExact(tensor.shape().getLast());
        return new TurnedRows(tensor.format(), columns, (int) (rows / heads));
    }

    private BadInputException damaged(String tensor, String what) {
        return GgufHeader.bad(
                file.path(), "tensor '" + tensor + "' " + what, "download the file again");
    }

    private long integer(String key, long otherwise) {
        Object value = header.metadata().get(key);
        return value instanceof Long number ? number : otherwise;
    }

    /** What {@code config.json} says of such a model. */
    public Map<String, Object> config() {
        if (tensors.containsKey("rope_freqs.weight")) {
            throw GgufHeader.bad(
                    path(), "has frequencies of its own (rope_freqs), but no parameters", MEND);
        }
        if (integer(family + ".expert_count", 0) > 0) {
            throw GgufHeader.bad(path(), "is a mixture of experts, which is not read", MEND);
        }
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("model_type", family);
        config.put("hidden_size", required("embedding_length"));
        config.put("intermediate_size", required("feed_forward_length"));
        config.put("num_hidden_layers", required("block_count"));
        config.put("num_attention_heads", required("attention.head_count"));
        config.put("max_position_embeddings", required("context_length"));
        config.put("rms_norm_eps", required("attention.layer_norm_rms_epsilon"));
        optional("attention.head_count_kv")
                .ifPresent(heads -> config.put("num_key_value_heads", heads));
        optional("attention.key_length").ifPresent(width -> config.put("head_dim", width));
        config.put("rope_theta", optional("rope.freq_base").orElse(10000.0));
        config.put("rope_scaling", scaling());
        TensorInfo embedding = tensors.get("model.embed_tokens.weight");
        if (embedding == null) {
            throw GgufHeader.bad(path(), "has no token_embd.weight", "download it again");
        }
        config.put("vocab_size", embedding.shape().getFirst());
        config.put("tie_word_embeddings", !tensors.containsKey("lm_head.weight"));
        if (family.equals("llama")) {
            config.put(
                    "attention_bias", tensors.containsKey("model.layers.0.self_attn.q_proj.bias"));
        }
        for (String token : List.of("bos", "eos")) {
            Object id = header.metadata().get("tokenizer.ggml." + token + "_token_id");
            if (id instanceof Long number) {
                config.put(token + "_token_id", number);
            }
        }
        config.put("torch_dtype", "bfloat16");
        return config;
    }

    private Object scaling() {
        Object type = header.metadata().get(family + ".rope.scaling.type");
        if (type == null || type.equals("none")) {
            return null;
        }
        if (!type.equals("linear")) {
            throw GgufHeader.bad(path(), "turns by '" + type + "', which is not read", MEND);
        }
        return Map.of("type", "linear", "factor", required("rope.scaling.factor"));
    }

    private Optional<Object> optional(String key) {
        return Optional.ofNullable(header.metadata().get(family + "." + key));
    }

    private Object required(String key) {
        return optional(key)
                .orElseThrow(() ->
                        GgufHeader.bad(
                                path(), "has no metadata '" + family + "." + key + "'", MEND));
    }

    @Override
    public Path path() {
        return file.path();
    }

    @Override
    public Map<String, TensorInfo> tensors() {
        return Collections.unmodifiableMap(tensors);
    }

    @Override
    public Map<String, String> metadata() {
        return Map.of("format", "pt");
    }

    @Override
    public void read(TensorInfo tensor, long offsetBytes, MemorySegment dst) {
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
}
