package io.millrace.model.architecture.encoder;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.Activation;
import java.util.List;
import java.util.Set;

/** RoBERTa: BERT's layers; positions begin behind the padding token's own row. */
public final class RobertaArchitecture extends ListedArchitecture {
    private static final String DECODER = "lm_head.decoder";

    /** The family. */
    public RobertaArchitecture() {
        super(BertFamily.FIELDS.honours("vocab_size", 50265, "pad_token_id", 1));
    }

    @Override
    public String modelType() {
        return "roberta";
    }

    @Override
    public String models() {
        return "RoBERTa, as a masked language model or a classifier";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        BertFamily family = new BertFamily(config, names, "roberta.");
        return family.program(
                new BertFamily.MaskedHead(
                        "lm_head.dense",
                        "lm_head.layer_norm",
                        "lm_head.bias",
                        DECODER,
                        Activation.GELU_EXACT),
                new BertFamily.LabelHead("classifier.dense", "classifier.out_proj"),
                config.tokenId("pad_token_id", 1) + 1);
    }

    @Override
    public boolean isBuffer(String name) {
        return name.endsWith("embeddings.position_ids") || name.equals(DECODER + ".bias");
    }

    @Override
    public List<String> headNames() {
        return List.of(DECODER + ".weight");
    }
}
