package dev.edgepack.runtime;

import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** A file that computes the model. */
public final class Artifact {
    /** Format and precision, such as "tflite/int8". */
    public final String id;
    public final String format;
    public final String precision;
    /** By index. */
    final TensorContract[] inputs;
    final TensorContract[] outputs;
    /** How far it may be from the model; null where the manifest does not say. */
    final JSONObject allowed;
    /** Its path, sha256 and bytes. */
    final JSONObject file;

    Artifact(JSONObject entry) throws JSONException, BundleException {
        id = entry.getString("id");
        format = entry.getString("format");
        precision = entry.getString("precision");
        inputs = contracts(entry.getJSONArray("inputs"));
        outputs = contracts(entry.getJSONArray("outputs"));
        allowed = entry.optJSONObject("allowed");
        file = entry;
    }

    private static TensorContract[] contracts(JSONArray entries) throws JSONException, BundleException {
        TensorContract[] contracts = new TensorContract[entries.length()];
        for (int at = 0; at < contracts.length; at++) {
            TensorContract contract = new TensorContract(entries.getJSONObject(at));
            if (contract.index >= contracts.length) throw new JSONException("there is no tensor " + contract.index);
            contracts[contract.index] = contract;
        }
        return contracts;
    }
}
